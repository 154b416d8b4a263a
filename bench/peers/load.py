"""The load: a closed loop of many clients to find what a server can do at most, and Poisson arrivals to find what a caller waits at less.

The arrivals are an open loop: they come when they come, however slow the server is, and latency counts from then. Knows no server and no HTTP.
"""

import asyncio
import itertools
import math
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.puzzles.base import Tokens
from bench.peers.asking import Asking

Solve = Callable[[Tokens], Awaitable[Asking]]


@dataclass(frozen=True, slots=True)
class Sample:
    """One puzzle: seconds from the start of the load at which it came and was answered (never, inf), and what came of it (None: no answer)."""

    arrived: float
    answered: float
    asking: Asking | None

    @property
    def latency(self) -> float:
        """Seconds; infinite without an answer."""
        return self.answered - self.arrived if self.asking and not self.asking.failed else math.inf


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one load. `verified`: share of the answers that obey the rules. A percentile is None where that many were not answered at all.

    `failed`: answered with an error. `unanswered`: still open when it was given up. `generator`: share of a core that the generator itself took.
    """

    offered_per_s: float | None
    puzzles_per_s: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    verified: float
    failed: int
    unanswered: int
    requests_per_puzzle: float
    generator: float


def arrivals(rate: float, seconds: float, seed: int) -> list[float]:
    """Times of a Poisson process of `rate` a second, from 0 to `seconds`."""
    rng, times, now = np.random.default_rng(seed), list[float](), 0.0
    while (now := now + rng.exponential(1 / rate)) < seconds:
        times.append(now)
    return times


def percentile(latencies: Sequence[float], percent: float) -> float | None:
    """In milliseconds, of seconds, by nearest rank; None where it is infinite or there is nothing."""
    if not latencies:
        return None
    found = sorted(latencies)[max(0, math.ceil(percent / 100 * len(latencies)) - 1)]
    return found * 1000 if math.isfinite(found) else None


def figures(samples: Sequence[Sample], window: tuple[float, float], offered: float | None, generator: float) -> Figures:
    """Rate of what was answered within the window (seconds), and latency of what arrived in it."""
    start, end = window
    arrived = [each for each in samples if start <= each.arrived < end]
    good = [each.asking for each in samples if each.asking and not each.asking.failed]
    p50, p95, p99 = (percentile([each.latency for each in arrived], percent) for percent in (50, 95, 99))
    return Figures(
        offered_per_s=offered,
        puzzles_per_s=sum(start <= each.answered < end and math.isfinite(each.latency) for each in samples) / (end - start),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        verified=sum(asking.verified for asking in good) / len(good) if good else 0.0,
        failed=sum(each.asking is not None and each.asking.failed for each in samples),
        unanswered=sum(each.asking is None for each in samples),
        requests_per_puzzle=sum(asking.requests for asking in good) / len(good) if good else 0.0,
        generator=generator,
    )


class Clock:
    """Seconds of a load, and what this process computed meanwhile."""

    def __init__(self) -> None:
        self.started, self.computed = time.perf_counter(), time.process_time()

    def __call__(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started

    def busy(self) -> float:
        """Share of a core that this process took."""
        return (time.process_time() - self.computed) / self()


async def closed(solve: Solve, puzzles: Sequence[Tokens], clients: int, warm_up: float, seconds: float, patience: float) -> Figures:
    """So many clients, each of which sends its next puzzle once the last one is answered; the rate after `warm_up`."""
    clock, upcoming, end = Clock(), itertools.cycle(puzzles), warm_up + seconds

    async def client() -> None:
        while (arrived := clock()) < end:
            failed = (await _one(solve, next(upcoming), arrived, clock, samples)).failed
            await asyncio.sleep(0.1 if failed else 0)  # a server that refuses must not be asked in a busy loop

    samples = list[Sample]()
    await _finish([asyncio.create_task(client()) for _ in range(clients)], end + patience, clock)
    return figures(samples, (warm_up, end), None, clock.busy())


def announce(times: Sequence[float], clock: Clock, loop: asyncio.AbstractEventLoop, due: asyncio.Queue[float]) -> None:
    """Tell a loop of each arrival when it is due. In a thread of its own: a loop's timers go by whole milliseconds, which would be most of a short latency."""
    for arrived in times:
        time.sleep(max(0.0, arrived - clock()))
        loop.call_soon_threadsafe(due.put_nowait, arrived)


async def offered(solve: Solve, puzzles: Sequence[Tokens], rate: float, warm_up: float, seconds: float, patience: float) -> Figures:
    """Poisson arrivals at `rate` a second, the same in every run; what is open `patience` seconds after the last is given up."""
    clock, samples, end, due = Clock(), list[Sample](), warm_up + seconds, asyncio.Queue[float]()
    times, tasks, upcoming = arrivals(rate, end, seed=0), list[asyncio.Task[Asking]](), itertools.cycle(puzzles)
    threading.Thread(target=announce, args=(times, clock, asyncio.get_running_loop(), due), daemon=True).start()
    for _ in times:
        arrived = await due.get()
        tasks.append(asyncio.create_task(_one(solve, next(upcoming), arrived, clock, samples)))
    await _finish(tasks, end + patience, clock)
    return figures(samples, (warm_up, end), rate, clock.busy())


async def _one(solve: Solve, puzzle: Tokens, arrived: float, clock: Clock, samples: list[Sample]) -> Asking:
    """One puzzle, noted whether it is answered or given up."""
    asking = None
    try:
        asking = await solve(puzzle)
    finally:
        samples.append(Sample(arrived, clock() if asking else math.inf, asking))
    return asking


async def _finish(tasks: Sequence["asyncio.Task[Any]"], end: float, clock: Clock) -> None:
    """Wait until all are done or it is time, and give up the rest. Raises what a task raised."""
    if tasks:
        done, late = await asyncio.wait(tasks, timeout=max(0.0, end - clock()))
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await asyncio.gather(*done)
