"""The scheduling policies under simulated load: the real dispatcher and schedulers, the same numbers in every run."""

import pytest

from bench.scheduling import setting
from bench.simulation import POLICIES, Simulation, Tally

FIRST_COME, BACK, LANES = "first come, first served", "restarts to the back", "lanes"


def simulate(policy: str, load: float, *, bulk: bool = False, puzzles: int = 1500, hardest: float = 0.01, **fields: float) -> Tally:
    return Simulation(setting(hardest, **fields), POLICIES[policy], load, bulk=bulk).run(puzzles)


def easy(tally: Tally, share: float = 0.99) -> float:
    return tally.quantile("30 clues", share)


def test_a_simulation_comes_out_the_same_every_time() -> None:
    assert simulate(LANES, 0.95, bulk=True, puzzles=300) == simulate(LANES, 0.95, bulk=True, puzzles=300)


@pytest.mark.parametrize("policy", POLICIES)
def test_every_puzzle_comes_to_its_end(policy) -> None:
    tally = simulate(policy, 1.2, bulk=True, puzzles=500)
    assert sum(map(len, tally.seconds.values())) == 500 - round(500 * tally.refused)


def test_at_half_load_everybody_is_answered_in_time() -> None:
    tally = simulate(LANES, 0.5)
    assert (tally.refused, tally.late) == (0, 0)


def test_bulk_in_the_background_delays_easy_puzzles_a_third_as_much_as_first_come_first_served() -> None:
    lanes, first, back = (simulate(policy, 0.8, bulk=True) for policy in (LANES, FIRST_COME, BACK))
    assert 3 * easy(lanes) < min(easy(first), easy(back))
    assert 3 * easy(lanes, 0.5) < min(easy(first, 0.5), easy(back, 0.5))
    assert lanes.bulk_per_s > 0.8 * first.bulk_per_s


def test_hard_puzzles_keep_easy_ones_out_under_first_come_first_served_and_not_in_lanes() -> None:
    lanes, first = (simulate(policy, 0.95, hardest=0.05, slots=4) for policy in (LANES, FIRST_COME))
    assert 3 * easy(lanes) < easy(first)


def test_neither_restarts_nor_bulk_starve_under_overload() -> None:
    tally = simulate(LANES, 2.0, bulk=True, slots=8)
    assert tally.bulk_per_s > 0
    assert tally.seconds["hardest"]


def test_a_long_queue_is_refused_at_the_door_before_deadlines_pass_in_it() -> None:
    tally = simulate(LANES, 3.0, puzzles=6000, hardest=0.0, slots=8, timeout=2.0)
    assert tally.refused > 0.3
    assert tally.late < 0.05
