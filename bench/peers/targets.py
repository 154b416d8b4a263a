"""The servers under test: how each is installed, started, asked and tuned."""

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.model.store import Manifest
from app.pool.messages import Backend
from app.settings import PROJECT
from bench.peers.asking import Ask, ask_ours, ask_peer
from bench.peers.options import MODEL, Options
from bench.peers.processes import Unavailable

SERVERS, HOME = Path(__file__).parent / "servers", PROJECT / ".bench"


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A model server of others. `path` and `listed`: where its API takes puzzles and the list that it takes them in, if it does.

    `waits`: whether how long a batch waits to fill can be set. `variants`: ways to run it, each with what its environment needs; the first is tuned, then
    the others are tried with what was best for it.
    """

    name: str
    title: str
    path: str
    listed: str | None = None
    waits: bool = True
    command: Sequence[str] = ()
    variants: dict[str, dict[str, str]] = field(default_factory=lambda: {"": {}})

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return HOME / self.name / "venv" / "bin" / "python"

    @property
    def log(self) -> Path:
        """What its last server wrote."""
        return HOME / self.name / "server.log"

    def install(self) -> None:
        """Make its environment, unless it is there as it should be. Raises `Unavailable`."""
        requirements, stamp = SERVERS / f"{self.name}.txt", HOME / self.name / "installed"
        wanted = hashlib.sha256(requirements.read_bytes() + (PROJECT / "pyproject.toml").read_bytes()).hexdigest()
        if stamp.exists() and stamp.read_text() == wanted:
            return
        pip = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        for command in ([sys.executable, "-m", "venv", "--clear", str(self.python.parents[1])], [*pip, "-r", str(requirements), "--editable", str(PROJECT)]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise Unavailable(f"{self.title} cannot be installed: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
        stamp.write_text(wanted)

    def start(self, options: Options) -> tuple[list[str], dict[str, str]]:
        """Command and environment of a server."""
        command = self.command or ("-m", f"bench.peers.servers.{self.name}_server")
        return [str(self.python), *(part.format(port=options.port) for part in command)], {**self.variants[options.variant], **options.environment()}

    def ask(self, manifest: Manifest) -> Ask:
        """How to get a puzzle solved."""
        return ask_peer(self.path, self.listed, manifest)

    def sweep(self, options: Options, batches: Sequence[int], waits: Sequence[int]) -> list[Options]:
        """What to try first: every batch size, with the middle wait (0 where none can be set)."""
        wait = waits[len(waits) // 2] if self.waits else 0
        return [replace(options, batch=batch, wait_ms=wait, variant=next(iter(self.variants))) for batch in batches]

    def further(self, best: Options, waits: Sequence[int]) -> list[Options]:
        """What to try once the best size is known: the other waits, where there is a batch to fill."""
        return [replace(best, wait_ms=wait) for wait in waits if wait != best.wait_ms] if self.waits and best.batch > 1 else []

    def last(self, best: Options) -> list[Options]:
        """What to try at the end: the other variants."""
        return [replace(best, variant=variant) for variant in self.variants if variant != best.variant]


@dataclass(frozen=True, kw_only=True)
class Ours:
    """`trm serve` with its defaults but for the backend: one model, and as many workers and threads as the others."""

    name: str
    title: str
    backend: Backend

    @property
    def log(self) -> Path:
        """What its last server wrote."""
        return HOME / self.name / "server.log"

    def install(self) -> None:
        """It is here."""
        self.log.parent.mkdir(parents=True, exist_ok=True)

    def start(self, options: Options) -> tuple[list[str], dict[str, str]]:
        """Command and environment of a server; nothing of it is swept."""
        settings = {
            "port": options.port,
            "workers": options.workers,
            "threads": options.threads,
            "models": f'["{MODEL}"]',
            "drain_seconds": 0,
            "backend": self.backend,
        }
        flags = [part for name, value in settings.items() for part in (f"--{name.replace('_', '-')}", str(value))]
        return [sys.executable, "-m", "app.cli", "serve", *flags], {}

    def ask(self, manifest: Manifest) -> Ask:  # noqa: ARG002  # the server knows its model
        """How to get a puzzle solved."""
        return ask_ours


RAY = {
    "default": {"RAY_USAGE_STATS_ENABLED": "0"},
    # the documentation's advice: all its flags for throughput at once, which want user code that does not block the event loop
    "throughput": {"RAY_USAGE_STATS_ENABLED": "0", "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1"},
    # and HAProxy in place of its HTTP proxy in Python; that one opens ports for its statistics on all interfaces while it runs
    "throughput, HAProxy": {"RAY_USAGE_STATS_ENABLED": "0", "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1", "RAY_SERVE_ENABLE_HA_PROXY": "1"},
}
OURS = (Ours(name="ours", title="TRM Serve", backend="auto"), Ours(name="ours-onnx", title="TRM Serve, ONNX step", backend="onnx"))
PEERS = (
    Peer(name="litserve", title="LitServe", path="/predict"),
    Peer(
        name="bentoml",
        title="BentoML",
        path="/solve",
        listed="puzzles",
        waits=False,
        command=("-m", "bentoml", "serve", "bench.peers.servers.bentoml_server:Sudoku", "--host", "127.0.0.1", "--port", "{port}"),
        variants={"": {"BENTOML_DO_NOT_TRACK": "True"}},
    ),
    Peer(name="ray", title="Ray Serve", path="/", variants=RAY),
    Peer(name="mosec", title="Mosec", path="/inference"),
)
