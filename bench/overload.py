"""Three times as many puzzles as the service can solve, for a minute: what it solves, how fast it refuses the rest, and what memory it takes.

    python -m bench.overload [--seconds 60] [--times 3] [--settings TRM_WORKERS=2]

First a closed loop of 64 clients finds the rate at saturation, some seconds long, since the machine may have better ones and worse ones; then puzzles arrive at
random (Poisson) whatever comes of those before; then the closed loop again: saturation is the mean of the two. The load client runs on the same cores as the
server and takes the more of them the more it sends: `cores` tells what each took of one core. The last line is one JSON document.
"""

import argparse
import asyncio
import gc
import itertools
import json
import os
import resource
import subprocess
import time
from collections import Counter
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import uvloop

from app.puzzles.sudoku import Sudoku
from bench.client import Response, Wire, connect, load, post
from bench.http import server
from bench.puzzles import mix

CLIENTS, PUZZLES, SAMPLE_SECONDS = 64, 10240, 5.0
Result = TypeVar("Result")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Tally:
    """What came of the load: answers by status; seconds of refusals, and how many of them name no time to come back; bytes of the server now and then.

    `broken` connections had their request sent again.
    """

    statuses: Counter[str] = field(default_factory=Counter)
    refused_seconds: list[float] = field(default_factory=list)
    solved_seconds: list[float] = field(default_factory=list)
    solved_at: list[float] = field(default_factory=list)
    without_retry_after: int = 0
    broken: int = 0
    memory: list[int] = field(default_factory=list)

    def take(self, response: Response, seconds: float, at: float) -> None:
        """Note one response."""
        status = response.head.split(maxsplit=2)[1].decode()
        self.statuses[status] += 1
        if status == "503":
            self.refused_seconds.append(seconds)
            self.without_retry_after += b"\r\nretry-after: " not in response.head
        elif response.good and b'"verified":true' in response.body:
            self.solved_seconds.append(seconds)
            self.solved_at.append(at)


class Flood:
    """Requests over as many connections as are open at once, each used again."""

    def __init__(self, port: int) -> None:
        self.port, self.free, self.tally, self.open = port, list[Wire](), Tally(), 0
        self.connecting, self.done = set[asyncio.Task[None]](), asyncio.Event()
        self.started = time.perf_counter()

    def one(self, sent: bytes, came: float) -> None:
        """One request, whose puzzle came at that moment."""
        if self.free:
            self._ask(self.free.pop(), sent, came)
        else:
            task = asyncio.create_task(self._connect(sent, came))
            self.connecting.add(task)
            task.add_done_callback(self.connecting.discard)

    async def _connect(self, sent: bytes, came: float) -> None:
        try:
            self._ask(await connect(self.port), sent, came)
        except OSError:
            self.tally.statuses["no connection"] += 1
            self._is_done()

    def _ask(self, wire: Wire, sent: bytes, came: float) -> None:
        wire.ask(sent, lambda response: self._answered(wire, sent, came, response))

    def _answered(self, wire: Wire, sent: bytes, came: float, response: Response | None) -> None:
        if response is None:  # it had been idle and was closed just then
            self.tally.broken += 1
            self.one(sent, came)
            return
        now = time.perf_counter()
        self.tally.take(response, now - came, now - self.started)
        if response.closes:
            wire.close()
        else:
            self.free.append(wire)
        self._is_done()

    def _is_done(self) -> None:
        self.open -= 1
        self.done.set()

    async def run(self, requests: Iterator[bytes], rate: float, seconds: float, pids: Sequence[int]) -> None:
        """Send at `rate` a second, and wait for all answers."""
        self.started = time.perf_counter()
        rng, due = np.random.default_rng(0), 0.0
        watch = asyncio.create_task(self._watch(pids))
        while (due := due + rng.exponential(1 / rate)) < seconds:
            if (early := self.started + due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            self.open += 1
            self.one(next(requests), time.perf_counter())
        while self.open:
            self.done.clear()
            await self.done.wait()
        watch.cancel()

    async def _watch(self, pids: Sequence[int]) -> None:
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            self.tally.memory.append(sum(resident_bytes(pid) for pid in pids))


def resident_bytes(pid: int) -> int:
    """Memory of one process, what it shares with others included: quick to ask for, unlike each one's part of that."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def phase(work: Coroutine[None, None, Result], pid: int, workers: Sequence[int]) -> tuple[Result, dict[str, float]]:
    """Run one load to its end: what came of it, and the share of one core that each took meanwhile. Linux only.

    The flood's seconds go on until the last answer. `system` and `idle` are of the whole machine: its part of all that is computed, and what nobody took.
    """

    def spent() -> dict[str, float]:
        _, _, system, idle, _, interrupts, deferred = map(int, Path("/proc/stat").read_text().split(maxsplit=8)[1:8])
        return {
            "API process": processor_seconds(pid),
            "workers": sum(map(processor_seconds, workers)),
            "load client": time.process_time(),
            "system": (system + interrupts + deferred) / TICKS,
            "idle": idle / TICKS,
        }

    started, before = time.perf_counter(), spent()
    result = uvloop.run(work)
    seconds, after = time.perf_counter() - started, spent()
    return result, {name: (after[name] - before[name]) / seconds for name in after}


def processor_seconds(pid: int) -> float:
    """What a process has computed so far, in its own code and in the system's."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[11:13]
    return (int(user) + int(system)) / TICKS


def milliseconds(seconds: Iterable[float]) -> list[float]:
    """p50, p95, p99 and the longest."""
    values = list(seconds)
    return [round(float(value) * 1000, 1) for value in np.percentile(values, [50, 95, 99, 100])] if values else []


def main() -> None:
    """Measure and print the figures and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--times", type=float, default=3.0)
    parser.add_argument("--settings", nargs="*", default=[], metavar="TRM_NAME=VALUE")
    arguments, family = parser.parse_args(), Sudoku()
    gc.disable()  # it would keep this client from reading for a tenth of a second now and then
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    grids = [str(family.render(question.tobytes(), "")) for question in mix(PUZZLES).questions]
    with server(dict(each.split("=", 1) for each in arguments.settings)) as (port, pid):
        uvloop.run(load(port, grids[:64], CLIENTS))
        workers = [int(each) for each in subprocess.run(["/usr/bin/env", "pgrep", "-P", str(pid)], capture_output=True, text=True, check=True).stdout.split()]
        before, cores_before = phase(load(port, grids, CLIENTS), pid, workers)
        flood, rate = Flood(port), arguments.times * before.puzzles_per_s
        bodies = itertools.cycle([post("/v1/solve", {"puzzle": {"type": "sudoku", "grid": grid}, "options": {"cache": "bypass"}}) for grid in grids])
        _, cores_flooded = phase(flood.run(bodies, rate, arguments.seconds, [pid, *workers]), pid, workers)
        uvloop.run(load(port, grids[:1280], CLIENTS))  # meanwhile the server finds that the flood's connections are closed
        after, cores_after = phase(load(port, grids, CLIENTS), pid, workers)
    tally = flood.tally
    solved = sum(at <= arguments.seconds for at in tally.solved_at) / arguments.seconds
    saturated = (before.puzzles_per_s + after.puzzles_per_s) / 2
    print(f"at saturation, {CLIENTS} clients: {before.puzzles_per_s:.1f} puzzles/s; at {arguments.times:g} times that: {solved:.1f}", end="")
    print(f" ({solved / saturated:.2f} of the mean); at saturation again: {after.puzzles_per_s:.1f}")
    print("| share of a core |", " | ".join(cores_before), "|")
    print("| --- " * (1 + len(cores_before)) + "|")
    for name, cores in (("at saturation", cores_before), (f"at {arguments.times:g} times that", cores_flooded), ("at saturation again", cores_after)):
        print(f"| {name} |", " | ".join(f"{share:.2f}" for share in cores.values()), "|")
    print(f"responses by status: {dict(tally.statuses)}; 503 without Retry-After: {tally.without_retry_after}; connections broken: {tally.broken}")
    print(f"ms, p50 p95 p99 most: refused {milliseconds(tally.refused_seconds)}, solved {milliseconds(tally.solved_seconds)}")
    print(f"memory of the server and its workers, every {SAMPLE_SECONDS:g} s, MB: {[round(each / 1e6) for each in tally.memory]}")
    document = {
        "bench": "overload",
        **vars(arguments),
        "saturated": [asdict(before), asdict(after)],
        "puzzles_per_s": solved,
        "cores": [cores_before, cores_flooded, cores_after],
        "statuses": tally.statuses,
        "broken": tally.broken,
        "without_retry_after": tally.without_retry_after,
        "refused_ms": milliseconds(tally.refused_seconds),
        "solved_ms": milliseconds(tally.solved_seconds),
        "memory_bytes": tally.memory,
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
