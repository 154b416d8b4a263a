"""The real server in a process of its own, as an operator starts it, and what a test may do to it."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

import httpx
from prometheus_client.parser import text_string_to_metric_families

PROJECT = Path(__file__).resolve().parents[2]
STORE = PROJECT / "model_store"
MODELS = sorted(path.parent.name for path in STORE.glob("[!.]*/config.json") if not json.loads(path.read_text()).get("on_request"))
TRM = Path(sys.executable).with_name("trm")
PATIENCE = 120.0
"""Seconds after which anything awaited is given up: far beyond what it takes, since nothing here is a measurement."""

Json = dict[str, Any]


def environment(**settings: object) -> dict[str, str]:
    """The environment of a command, with no TRM_ setting but the given ones (`workers=2` is TRM_WORKERS)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRM_")}
    return kept | {f"TRM_{name.upper()}": str(value) for name, value in settings.items()}


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for something that can only be looked at again and again."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"gave up waiting until {what}"
        time.sleep(0.02)


class Server:
    """`trm serve` on a free port, entered when it answers. Its log is read while it runs; nothing in it may be an error."""

    command = "serve"

    def __init__(self, **settings: object) -> None:
        self.settings = {"port": 0, "workers": 1, "drain_seconds": 0, **settings}
        self.log: list[Json] = []
        self.noise: list[str] = []
        self.tolerated: str | None = None
        """A library that may log errors."""
        self.news = threading.Condition()

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [TRM, self.command], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment(**self.settings), start_new_session=True
        )
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        try:
            self.url = self.heard("Uvicorn running on ")["message"].split()[3]
        except BaseException:
            self.process.kill()
            self.ended()
            raise
        self.client = httpx.Client(base_url=self.url, timeout=PATIENCE, trust_env=False)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(60)
        self.process.kill()
        self.ended()
        assert not self.noise, f"lines that are no JSON: {self.noise[:20]}"
        errors = [line for line in self.log if line["level"] in ("ERROR", "CRITICAL") and line["name"].partition(".")[0] != self.tolerated]
        assert not errors, f"the server logged errors: {errors[:3]}"

    def _read(self) -> None:
        assert self.process.stderr is not None
        for text in self.process.stderr:
            with self.news:
                try:
                    self.log.append(json.loads(text))
                except ValueError:
                    self.noise.append(text)
                self.news.notify_all()
        with self.news:
            self.news.notify_all()

    def heard(self, message: str) -> Json:
        """The first log line that starts with `message`, waited for."""

        def found() -> Json | None:
            return next((line for line in self.log if line["message"].startswith(message)), None)

        with self.news:
            self.news.wait_for(lambda: found() or not self.reader.is_alive() or self.process.poll() is not None, PATIENCE)
        line = found()
        assert line, f"the server never logged {message!r}: {self.log} {self.noise}"
        return line

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        """The exit status, waited for."""
        status = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return status

    # what a client does

    def solve(self, grid: object, model: str | None = None, **options: object) -> httpx.Response:
        return self.client.post("/v1/solve", json=body(grid, model, **options))

    def answer(self, grid: object, model: str | None = None, **options: object) -> Json:
        """The answer to a puzzle that must be answered."""
        response = self.solve(grid, model, **options)
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def solve_all(self, bodies: Iterable[Json]) -> list[httpx.Response]:
        """Post all bodies at once; the responses in order."""
        async with self.impatient() as client:
            return await asyncio.gather(*(client.post("/v1/solve", json=each) for each in bodies))

    def impatient(self) -> httpx.AsyncClient:
        """A client that opens as many connections as it likes."""
        return httpx.AsyncClient(base_url=self.url, timeout=PATIENCE, trust_env=False, limits=httpx.Limits(max_connections=None))

    # what an operator sees

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels."""
        families = text_string_to_metric_families(self.client.get("/metrics").text)
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        assert samples, f"there is no series {name}"
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    def until(self, name: str, condition: Callable[[float], bool], **labels: str) -> None:
        """Wait until a metric is as it should be."""
        until(lambda: condition(self.metric(name, **labels)), f"{name} {labels} is right")

    def children(self) -> list[int]:
        """Process ids of the server's children."""
        return [pid for pid, parent, _ in _processes() if parent == self.process.pid]

    def workers(self) -> list[int]:
        """Process ids of its workers."""
        return [pid for pid in self.children() if "spawn_main" in _read(f"/proc/{pid}/cmdline")]

    def resident_bytes(self) -> int:
        """Memory of the server and its children, shared pages counted once."""
        return sum(_proportional_bytes(pid) for pid in (self.process.pid, *self.children()))


class Worker(Server):
    """`trm worker`, in the same way."""

    command = "worker"


def body(grid: object, model: str | None = None, **options: object) -> Json:
    """The body of a request for one Sudoku."""
    chosen = {"model": model} if model is not None else {}
    return {"puzzle": {"type": "sudoku", "grid": grid}, **chosen, "options": options}


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    state = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return bool(state) and state[0] not in "ZX"


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _processes() -> Iterable[tuple[int, int, int]]:
    """(process, its parent, its session) of all that run."""
    for path in Path("/proc").glob("[0-9]*"):
        fields = _read(f"{path}/stat").rpartition(")")[2].split()
        if fields and fields[0] not in "ZX":
            yield int(path.name), int(fields[1]), int(fields[3])


def started_by(leader: int) -> list[int]:
    """Processes of the session of this process, itself included, whoever their parent is by now."""
    return [pid for pid, _, session in _processes() if session == leader]


def _proportional_bytes(pid: int) -> int:
    lines = _read(f"/proc/{pid}/smaps_rollup").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
