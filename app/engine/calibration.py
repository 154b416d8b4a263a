"""What depends on model and machine, measured: how large a step must be to be worth running, and which runner is faster. Knows no requests or policy."""

import time
from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np

from app.engine.runner import Runner

AROUND = 0.0003
"""Seconds that a step of any size takes besides, in the worker and in the process that it tells of it."""

WORTH = 1.15
"""A step is worth running if each of its slots takes at most so much longer than in a large one."""

FASTER = 1.25
"""By how much a runner must be faster than another to be chosen in its place: less may be chance on a busy machine."""

GAIN = 0.97
"""Steps of twice the slots are measured too as long as a slot takes less than this share of what it took before."""

REPEATS = 3

LARGE = 4
"""Slots of a step by which runners are compared."""

R = TypeVar("R", bound=Runner)


def smallest_batch(runner: Runner, clock: Callable[[], float] = time.perf_counter) -> int:
    """The fewest slots of a step that is worth running: 1 or few on a CPU, where a step takes as long as it has slots, and many on a GPU.

    The slots hold empty grids afterwards.
    """
    each, size, loaded = dict[int, float](), 1, 0
    while size <= runner.slots:
        for slot in range(loaded, size):
            runner.load(slot, np.ones(runner.cells, dtype=np.uint8))
        loaded = size
        each[size] = (AROUND + min(_seconds(runner, size, clock) for _ in range(REPEATS))) / size
        if size > 1 and each[size] > GAIN * each[size // 2]:
            break
        size *= 2
    least = min(each.values())
    return next(size for size, seconds in each.items() if seconds <= WORTH * least)


def quickest(runners: Iterable[R], clock: Callable[[], float] = time.perf_counter) -> R:
    """The first of some runners that no later one beats by far; one alone is not measured. The slots of the others hold empty grids afterwards."""
    best, least = None, 0.0
    for runner in runners:
        if best is None:
            best = runner
            continue
        least, seconds = least or _best_seconds(best, clock), _best_seconds(runner, clock)
        if seconds * FASTER < least:
            best, least = runner, seconds
    if best is None:
        raise ValueError("there is no runner to choose")
    return best


def _best_seconds(runner: Runner, clock: Callable[[], float]) -> float:
    """Seconds of a step of some slots, without what held it up by chance."""
    size = min(LARGE, runner.slots)
    for slot in range(size):
        runner.load(slot, np.ones(runner.cells, dtype=np.uint8))
    return min(_seconds(runner, size, clock) for _ in range(REPEATS))


def _seconds(runner: Runner, size: int, clock: Callable[[], float]) -> float:
    started = clock()
    runner.step(size)
    return clock() - started
