"""Whom a step runs where not every step runs all: who has had least goes first, and nobody is left out for long."""

import pytest

from app.engine.lanes import TURNS
from app.engine.scheduler import Scheduler
from tests.support.requests import queued


def step(scheduler: Scheduler, verified: str = "", now: float = 0.0) -> str:
    """One step, after which the puzzles named are verified; whom it ran."""
    scheduler.schedule(now)
    names = [entry.request.id for entry in scheduler.stepped if entry]
    scheduler.update([name in verified for name in names], [False] * len(names), now)
    return "".join(sorted(names))


def holding(names: str, slots: int = 32, batch: int = 1) -> Scheduler:
    scheduler = Scheduler(slots, batch=batch)
    for name in names:
        scheduler.add(queued(name, max_steps=1000))
    return scheduler


def test_a_puzzle_that_comes_later_overtakes_those_that_have_run() -> None:
    scheduler = holding("a")
    assert [step(scheduler) for _ in range(3)] == ["a", "a", "a"]
    scheduler.add(queued("b", max_steps=1000))
    assert [step(scheduler) for _ in range(5)] == ["b", "b", "b", "a", "b"]


def test_in_the_order_of_arrival_among_those_that_have_had_as_much() -> None:
    assert [step(scheduler) for scheduler in [holding("abc")] for _ in range(6)] == ["a", "b", "c", "a", "b", "c"]


@pytest.mark.parametrize(("batch", "count", "size"), [(1, 1, 1), (1, 3, 1), (1, 4, 2), (1, 9, 3), (2, 4, 2), (4, 3, 3), (4, 15, 5), (32, 20, 20)])
def test_a_step_is_a_third_of_those_in_slots_and_no_less_than_is_worth_it(batch: int, count: int, size: int) -> None:
    assert len(step(holding("abcdefghijklmnopqrst"[:count], batch=batch))) == size


def test_all_run_but_bulk_where_a_crowd_waits_for_a_slot() -> None:
    scheduler = Scheduler(8, batch=1)
    for name in "vwxyz":
        scheduler.add(queued(name, max_steps=1000, bulk=True))
    step(scheduler)  # of bulk four have slots
    for name in "abcde":
        scheduler.add(queued(name, max_steps=1000))
    assert step(scheduler) == "ab"  # only one that is not bulk waits
    scheduler.add(queued("f", max_steps=1000))
    assert step(scheduler) == "abcd"
    assert step(scheduler, verified="a") == "abcd"
    assert len(step(scheduler)) == 2


def test_whoever_ran_longest_ago_is_stepped_now_and_then() -> None:
    scheduler, ran = holding("ab"), []
    for _ in range(3):
        step(scheduler)
    for number in range(4 * (TURNS + 1)):
        scheduler.add(queued(f"fresh {number}", max_steps=1))
        ran.append(step(scheduler))
    assert [each for each in ran if len(each) == 1] == ["b", "a", "b", "a"]


def test_bulk_takes_half_of_the_slots_and_all_of_it_runs_while_nobody_waits_for_a_step() -> None:
    scheduler = Scheduler(4, batch=1)
    for name in "abcd":
        scheduler.add(queued(name, max_steps=3, bulk=True))
    assert [step(scheduler) for _ in range(4)] == ["ab", "ab", "ab", "cd"]
    assert len(scheduler.running) == 2
    for name in "xy":
        scheduler.add(queued(name))
    assert [step(scheduler), step(scheduler, verified="y"), step(scheduler, verified="x")] == ["x", "y", "x"]
    assert step(scheduler) == "cd"


def test_bulk_goes_on_while_others_always_come() -> None:
    scheduler, ran = Scheduler(4, batch=1), []
    scheduler.add(queued("a", max_steps=2, bulk=True))
    for number in range(2 * (TURNS + 1)):
        scheduler.add(queued(f"fresh {number}", max_steps=1))
        ran.append(step(scheduler))
    assert ran.count("a") == 2


def test_a_puzzle_whose_time_is_up_gets_the_step_that_ends_it() -> None:
    scheduler = holding("ab")
    scheduler.add(queued("late", max_steps=1000, deadline=5.0))
    for _ in range(6):
        step(scheduler)
    for name in "cd":
        scheduler.add(queued(name, max_steps=1000))
    assert step(scheduler, now=6.0) in ("clate", "late")
    assert "late" not in scheduler.entries
