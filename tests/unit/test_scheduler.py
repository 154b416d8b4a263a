"""The scheduler by example; what holds at every interleaving is in test_scheduler_machine."""

import pytest

from app.engine.lanes import TURNS
from app.engine.scheduler import Scheduler
from tests.support.requests import queued


def names(scheduler: Scheduler) -> list[str | None]:
    return [entry and entry.request.id for entry in scheduler.running]


def step(scheduler: Scheduler, *, verified: str = "", halted: str = "", now: float = 0.0) -> list[str]:
    """One step after which the puzzles named are verified or halted; who is finished by it."""
    scheduler.schedule(now)
    running = names(scheduler)
    update = scheduler.update([name in verified.split() for name in running], [name in halted.split() for name in running], now)
    return [entry.request.id for entry in update.finished]


def test_who_comes_first_runs_first() -> None:
    scheduler = Scheduler(2)
    for name in "abcd":
        scheduler.add(queued(name))
    assert step(scheduler, verified="b") == ["b"]
    assert step(scheduler, verified="a") == ["a"]
    scheduler.schedule(0)
    assert names(scheduler) == ["d", "c"]


def test_a_freed_slot_is_filled_again_before_the_next_step() -> None:
    scheduler = Scheduler(2)
    for name in "abc":
        scheduler.add(queued(name))
    step(scheduler, verified="a")
    plan = scheduler.schedule(0)
    assert [(slot, entry.request.id) for slot, entry in plan.loads] == [(0, "c")]
    assert (plan.size, plan.swaps) == (2, [])


def test_the_last_slot_takes_the_place_of_a_gap_that_nobody_waits_for() -> None:
    scheduler = Scheduler(3)
    for name in "abc":
        scheduler.add(queued(name))
    step(scheduler, verified="a")
    plan = scheduler.schedule(0)
    assert (plan.size, plan.swaps, plan.loads) == (2, [(2, 0)], [])
    assert names(scheduler) == ["c", "b"]


def test_a_restarted_puzzle_waits_for_those_that_have_not_run_yet() -> None:
    scheduler = Scheduler(1)
    scheduler.add(queued("a", max_steps=1, attempts=2))
    scheduler.add(queued("b", max_steps=1))
    assert step(scheduler) == []
    scheduler.add(queued("c", max_steps=1))
    assert [step(scheduler) for _ in range(3)] == [["b"], ["c"], ["a"]]


def test_bulk_waits_for_everybody_else() -> None:
    scheduler = Scheduler(1)
    scheduler.add(queued("bulk", max_steps=1, bulk=True))
    scheduler.add(queued("a", max_steps=1, attempts=2))
    scheduler.add(queued("b", max_steps=1))
    assert [step(scheduler) for _ in range(4)] == [[], ["b"], ["a"], ["bulk"]]


def test_a_restarted_puzzle_of_a_job_goes_to_the_end_of_the_bulk() -> None:
    scheduler = Scheduler(1)
    scheduler.add(queued("first", max_steps=1, attempts=2, bulk=True))
    scheduler.add(queued("second", max_steps=1, bulk=True))
    assert [step(scheduler) for _ in range(3)] == [[], ["second"], ["first"]]


def test_however_many_come_after_them_restarts_and_bulk_get_a_slot_in_turn() -> None:
    scheduler = Scheduler(1)
    scheduler.add(queued("bulk", max_steps=1, bulk=True))
    scheduler.add(queued("restarted", max_steps=1, attempts=2))
    assert step(scheduler) == []
    finished = []
    for number in range(2 * TURNS):
        scheduler.add(queued(f"fresh {number}", max_steps=1))
        finished += step(scheduler)
    assert (finished.index("bulk"), finished.index("restarted")) == (TURNS - 1, TURNS)


def test_attempts_and_steps_are_counted_over_restarts() -> None:
    scheduler = Scheduler(1)
    scheduler.add(queued("a", max_steps=3, attempts=2))
    entry = scheduler.entries["a"]
    while not step(scheduler):
        pass
    assert (entry.attempt, entry.step, entry.total_steps, entry.ended) == (2, 3, 6, "max_steps")


def test_an_id_that_is_here_already_is_refused() -> None:
    scheduler = Scheduler(1)
    scheduler.add(queued("a"))
    with pytest.raises(ValueError, match="request a is already scheduled"):
        scheduler.add(queued("a"))


def test_aborting_says_whether_the_request_was_here() -> None:
    scheduler = Scheduler(1)
    scheduler.add(queued("a"))
    assert scheduler.abort("a")
    assert not scheduler.abort("a")


def test_an_aborted_puzzle_frees_its_slot_for_the_next_step() -> None:
    scheduler = Scheduler(1)
    scheduler.add(queued("a"))
    scheduler.add(queued("b"))
    scheduler.schedule(0)
    scheduler.abort("a")
    assert not scheduler.update([True], [True], 0).ended, "the signals of its last step belong to nobody"
    scheduler.schedule(0)
    assert names(scheduler) == ["b"]


def test_a_batch_is_refilled_only_when_all_of_it_has_ended() -> None:
    scheduler = Scheduler(2, "batch")
    for name in "abc":
        scheduler.add(queued(name))
    assert step(scheduler, verified="a") == []
    assert step(scheduler) == []
    assert names(scheduler) == ["a", "b"]
    assert step(scheduler, verified="b") == ["a", "b"]
    scheduler.schedule(0)
    assert names(scheduler) == ["c"]


@pytest.mark.parametrize("refill", ["step", "batch"])
def test_nothing_to_run_is_a_plan_of_no_slots(refill) -> None:
    scheduler = Scheduler(2, refill)
    scheduler.add(queued("a"))
    step(scheduler, verified="a")
    assert scheduler.schedule(0).size == 0
