"""Real redis-servers on free ports, which tests may stop, pause, fill and kill."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

PATIENCE = 60.0
"""Seconds after which a server that is awaited is given up; nothing here is a measurement."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class RedisServer:
    """`redis-server` with the given options (`maxmemory="2mb"`); entered when it answers, and started again with `start` on the same port."""

    def __init__(self, **options: str) -> None:
        self.port = free_port()
        self.options = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "appendonly": "no"} | options
        self.folder = tempfile.TemporaryDirectory(prefix="redis")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.folder.cleanup()

    def start(self) -> None:
        arguments = [part for name, value in self.options.items() for part in (f"--{name.replace('_', '-')}", value)]
        self.process = subprocess.Popen(["redis-server", *self._configuration(), *arguments], cwd=self.folder.name, stdout=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while not self.listens():
            assert time.monotonic() < end, "redis-server did not start"
            time.sleep(0.02)

    def _configuration(self) -> list[str]:
        return []

    def listens(self) -> bool:
        """Whether it answers at all, were it only that it wants a password or TLS."""
        assert self.process is not None
        assert self.process.poll() is None, "redis-server ended"
        port = int(self.options.get("tls_port", self.port))
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
                connection.sendall(b"PING\r\n")
                return "tls_port" in self.options or not connection.recv(100).startswith(b"-LOADING")
        except ConnectionError:
            return False

    def kill(self) -> None:
        if self.process is not None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait(PATIENCE)
            self.process = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """It keeps its connections, and does nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def ask(self, *words: str) -> str:
        """What redis-cli prints for a command."""
        return subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True, check=True, timeout=PATIENCE).stdout.strip()


class SentinelServer(RedisServer):
    """A sentinel that alone decides about the service `main`, whose master it is told."""

    def __init__(self, master: RedisServer, **options: str) -> None:
        super().__init__()
        self.options = {"port": str(self.port), "bind": "127.0.0.1"} | options
        watch = (f"monitor main 127.0.0.1 {master.port} 1", "down-after-milliseconds main 1000", "failover-timeout main 2000")
        (Path(self.folder.name) / "sentinel.conf").write_text("".join(f"sentinel {line}\n" for line in watch))

    @property
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:{self.port}/main"

    def _configuration(self) -> list[str]:
        return ["sentinel.conf", "--sentinel"]


@contextmanager
def cluster() -> Iterator[RedisServer]:
    """A node of a Redis Cluster of two shards."""
    with RedisServer(cluster_enabled="yes", cluster_port=str(free_port())) as one, RedisServer(cluster_enabled="yes", cluster_port=str(free_port())) as two:
        one.ask("CLUSTER", "MEET", "127.0.0.1", str(two.port), two.options["cluster_port"])
        for node, slots in ((one, ("0", "8191")), (two, ("8192", "16383"))):
            node.ask("CLUSTER", "ADDSLOTSRANGE", *slots)
        end = time.monotonic() + PATIENCE
        while any("cluster_state:ok" not in node.ask("CLUSTER", "INFO") for node in (one, two)):
            assert time.monotonic() < end, "the nodes never found each other"
            time.sleep(0.05)
        yield one


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1, signed by itself, and its key."""
    names = folder / "certificate.pem", folder / "key.pem"
    subject = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=redis -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*subject.split(), "-out", str(names[0]), "-keyout", str(names[1])], check=True, capture_output=True)
    return names
