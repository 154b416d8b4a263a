"""What steps of some sizes tell of a full one, and finished puzzles of an attempt."""

import pytest

from app.pool.pace import Pace


def paced(*steps: tuple[int, float], attempts: tuple[int, int] = (1, 1)) -> Pace:
    pace = Pace()
    for size, seconds in steps:
        pace.stepped(size, seconds)
    pace.finished(*attempts)
    return pace


@pytest.mark.parametrize(("fixed", "each"), [(0.01, 0.002), (0.0, 0.003), (0.05, 0.0)])
def test_small_steps_tell_how_long_a_full_one_takes(fixed, each) -> None:
    pace = paced(*((size, fixed + each * size) for size in (1, 3, 2, 5, 1)))
    assert pace.attempt_seconds(32) * 32 == pytest.approx(fixed + 32 * each)


def test_steps_of_one_size_are_taken_for_those_of_any_size() -> None:
    pace = paced(*[(2, 0.1)] * 50)
    assert pace.attempt_seconds(32) * 32 == pytest.approx(0.1)


@pytest.mark.parametrize(("steps", "seconds"), [([(1, 0.1), (2, 0.5)], 16 * 0.6 / 3), ([(1, 0.5), (2, 0.1)], 0.6 / 2)], ids=["proportional", "constant"])
def test_odd_times_never_make_a_slot_cost_less_than_nothing_nor_a_step_of_none(steps, seconds) -> None:
    assert paced(*steps).attempt_seconds(16) * 16 == pytest.approx(seconds, rel=0.02)


def test_the_last_steps_count_most() -> None:
    pace = paced(*[(4, 1.0), (8, 1.5)] * 50, *[(4, 2.0), (8, 3.0)] * 200)
    assert pace.attempt_seconds(8) * 8 == pytest.approx(3.0, rel=0.01)


def test_an_attempt_takes_the_steps_of_late_over_the_attempts_of_late() -> None:
    pace = paced((1, 1.0), attempts=(16, 1))
    for _ in range(400):
        pace.finished(100, 40)
    assert pace.attempt_seconds(1) == pytest.approx(2.5, rel=0.01)


def test_nothing_is_said_before_both_are_measured() -> None:
    pace = Pace()
    assert pace.attempt_seconds(4) == 0
    pace.finished(3, 1)
    assert pace.attempt_seconds(4) == 0
