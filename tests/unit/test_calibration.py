"""The smallest step worth running, of runners whose steps take as long as they are told to."""

from collections.abc import Callable
from itertools import count

import pytest

from app.engine.calibration import quickest, smallest_batch
from tests.support.runners import Clock, Oracle


class Timed(Oracle):
    """Steps take `seconds(size)`; every third one of them is held up by something else."""

    def __init__(self, slots: int, seconds: Callable[[int], float]) -> None:
        self.time, self.seconds, self.numbers = Clock(), seconds, count()
        super().__init__(slots, 16, lambda _: 99)

    def step(self, size: int, first: int = 0):
        self.time.now += self.seconds(size) + 5 * (next(self.numbers) % 3 == 0)
        return super().step(size, first)


@pytest.mark.parametrize(
    ("slots", "fixed", "slot", "batch"),
    [
        (32, 0.2, 2.5, 1),  # a CPU and a small model
        (32, 1.0, 2.5, 4),
        (32, 10.0, 2.5, 16),
        (256, 64.0, 1.0, 256),  # a GPU
        (32, 0.00007, 0.00125, 2),  # a small model, next to which the way to it counts
        (32, 0.00007, 0.0125, 1),
        (256, 64.0, 0.0, 256),
        (48, 64.0, 0.0, 32),
        (1, 64.0, 0.0, 1),
    ],
)
def test_a_step_is_worth_running_once_a_slot_costs_little_more_than_in_large_ones(slots: int, fixed: float, slot: float, batch: int) -> None:
    runner = Timed(slots, lambda size: fixed + slot * size)
    assert smallest_batch(runner, runner.time) == batch


def test_no_more_is_measured_than_is_needed() -> None:
    runner = Timed(256, lambda size: 0.05 + 2.5 * size)
    assert smallest_batch(runner, runner.time) == 1
    assert set(runner.sizes) == {1, 2}


@pytest.mark.parametrize(("times", "chosen"), [([1.0], 0), ([1.0, 0.9], 0), ([1.0, 0.7], 1), ([1.0, 0.7, 0.6], 1), ([1.0, 2.0, 0.5], 2)])
def test_a_later_runner_must_be_much_faster(times: list[float], chosen: int) -> None:
    runners, clock = [Timed(4, lambda size, seconds=seconds: seconds * size) for seconds in times], Clock()
    for runner in runners:
        runner.time = clock
    assert quickest(iter(runners), clock) is runners[chosen]
    assert all(set(runner.sizes) == ({4} if len(times) > 1 else set()) for runner in runners), "one alone is not measured"


def test_of_no_runners_none_can_be_chosen() -> None:
    with pytest.raises(ValueError, match="no runner"):
        quickest([])
