"""How large a step must be to be worth running, measured: it depends on the model, the machine and its threads. Knows a runner; no requests or policy."""

import time
from collections.abc import Callable

import numpy as np

from app.engine.runner import Runner

WORTH = 1.25
"""A step is worth running if each of its slots takes at most so much longer than in a large one."""

GAIN = 0.97
"""Steps of twice the slots are measured too as long as a slot takes less than this share of what it took before."""

REPEATS = 3


def smallest_batch(runner: Runner, clock: Callable[[], float] = time.perf_counter) -> int:
    """The fewest slots of a step that is worth running: 1 or few on a CPU, where a step takes as long as it has slots, and many on a GPU.

    The slots hold empty grids afterwards.
    """
    each, size, loaded = dict[int, float](), 1, 0
    while size <= runner.slots:
        for slot in range(loaded, size):
            runner.load(slot, np.ones(runner.cells, dtype=np.uint8))
        loaded = size
        each[size] = min(_seconds(runner, size, clock) for _ in range(REPEATS)) / size
        if size > 1 and each[size] > GAIN * each[size // 2]:
            break
        size *= 2
    least = min(each.values())
    return next(size for size, seconds in each.items() if seconds <= WORTH * least)


def _seconds(runner: Runner, size: int, clock: Callable[[], float]) -> float:
    started = clock()
    runner.step(size)
    return clock() - started
