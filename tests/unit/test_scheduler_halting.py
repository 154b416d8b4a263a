"""Why an attempt ends, and what becomes of the puzzle then."""

import pytest

from app.engine.scheduler import PATIENCE, Entry, Scheduler
from tests.support.requests import queued


def run(scheduler: Scheduler, verified: bool = False, halted: bool = False, now: float = 0.0) -> Entry | None:
    """One step of a scheduler with one slot; the puzzle that is finished by it."""
    scheduler.schedule(now)
    finished = scheduler.update([verified], [halted], now).finished
    return finished[0] if finished else None


@pytest.mark.parametrize(
    ("halt", "verified", "halted", "reason"),
    [
        ("verified", True, False, "verified"),
        ("verified", False, True, None),
        ("learned", False, True, "learned"),
        ("learned", True, False, None),
        ("never", True, True, None),
    ],
)
def test_each_mode_listens_to_its_own_signal(halt, verified, halted, reason) -> None:
    scheduler = Scheduler(1)
    scheduler.add(queued("a", halt=halt))
    entry = scheduler.entries["a"]
    run(scheduler, verified, halted)
    assert entry.ended == reason


@pytest.mark.parametrize("halt", ["verified", "learned", "never"])
def test_every_mode_ends_at_max_steps(halt) -> None:
    scheduler = Scheduler(1)
    scheduler.add(queued("a", halt=halt, max_steps=2))
    assert run(scheduler) is None
    assert run(scheduler).ended == "max_steps"


@pytest.mark.parametrize("halt", ["learned", "never"])
def test_an_answer_that_the_rules_accept_is_not_tried_again(halt) -> None:
    scheduler = Scheduler(1)
    scheduler.add(queued("a", halt=halt, max_steps=1, attempts=9))
    finished = run(scheduler, verified=True, halted=True)
    assert (finished.attempt, finished.verified) == (1, True)


def test_a_head_that_halts_on_a_wrong_answer_costs_an_attempt() -> None:
    scheduler = Scheduler(1)
    scheduler.add(queued("a", halt="learned", attempts=2))
    assert run(scheduler, halted=True) is None
    finished = run(scheduler, halted=True)
    assert (finished.attempt, finished.total_steps, finished.ended) == (2, 2, "learned")


def test_a_deadline_that_passes_while_running_ends_all_attempts() -> None:
    scheduler = Scheduler(1)
    scheduler.add(queued("a", deadline=5, attempts=9))
    assert run(scheduler, now=4.9) is None
    finished = run(scheduler, now=5)
    assert (finished.ended, finished.attempt, finished.total_steps) == ("deadline", 1, 2)


def test_an_answer_found_at_the_deadline_still_counts() -> None:
    scheduler = Scheduler(1)
    scheduler.add(queued("a", deadline=5))
    scheduler.schedule(4)
    (finished,) = scheduler.update([True], [False], 6).finished
    assert finished.ended == "verified"


def test_a_deadline_that_passes_in_the_queue_is_told_before_the_step() -> None:
    scheduler = Scheduler(1)
    scheduler.add(queued("a"))
    scheduler.add(queued("b", deadline=5))
    assert not scheduler.schedule(4.9).expired
    (expired,) = scheduler.schedule(5).expired
    assert (expired.request.id, expired.attempt) == ("b", 0)
    assert not scheduler.waiting


def test_a_deadline_between_two_attempts_expires_with_the_first_one_counted() -> None:
    scheduler = Scheduler(1)
    scheduler.add(queued("a", max_steps=1, attempts=2, deadline=5))
    run(scheduler, now=4)
    (expired,) = scheduler.schedule(5).expired
    assert (expired.attempt, expired.total_steps) == (1, 1)


def looking_further(**fields: object) -> tuple[Scheduler, Entry]:
    """A puzzle whose answer is right after its first step, but not the best."""
    scheduler = Scheduler(1)
    scheduler.add(queued("a", **{"max_steps": 4, "attempts": 99, **fields}))
    entry = scheduler.entries["a"]
    assert signal(scheduler, verified=True) == ([entry], [])
    return scheduler, entry


def signal(scheduler: Scheduler, *, verified: bool = False, best: bool = False, now: float = 0.0) -> tuple[list[Entry], list[Entry]]:
    """One step; who goes on although its answer is right, and who is finished."""
    scheduler.schedule(now)
    update = scheduler.update([verified], [False], now, [best])
    return [entry for _, entry in update.improvable], update.finished


def test_a_right_answer_that_may_be_better_does_not_halt_and_the_best_does() -> None:
    scheduler, entry = looking_further()
    assert signal(scheduler) == ([], [])
    assert signal(scheduler, verified=True) == ([entry], [])
    assert signal(scheduler, verified=True, best=True) == ([], [entry])
    assert (entry.ended, entry.attempt, entry.total_steps) == ("verified", 1, 4)


def test_it_is_looked_for_over_attempts_until_patience_ends() -> None:
    scheduler, entry = looking_further()
    for _ in range(PATIENCE - 1):
        assert signal(scheduler) == ([], [])
    assert signal(scheduler) == ([], [entry])
    assert (entry.ended, entry.verified, entry.total_steps, entry.attempt) == ("verified", True, PATIENCE + 1, PATIENCE // 4 + 1)


def test_or_until_the_attempts_end() -> None:
    scheduler, entry = looking_further(attempts=2)
    assert [signal(scheduler)[1] for _ in range(7)] == [[]] * 6 + [[entry]]
    assert (entry.ended, entry.verified, entry.attempt, entry.total_steps) == ("verified", True, 2, 8)


def test_or_until_the_deadline_which_is_told() -> None:
    scheduler, entry = looking_further(deadline=5)
    assert signal(scheduler, now=5) == ([], [entry])
    assert (entry.ended, entry.verified) == ("deadline", True)


@pytest.mark.parametrize("halt", ["learned", "never"])
def test_no_other_mode_looks_for_a_better_answer(halt) -> None:
    scheduler = Scheduler(1)
    scheduler.add(queued("a", halt=halt, max_steps=1, attempts=9))
    improvable, (finished,) = signal(scheduler, verified=True)
    assert (improvable, finished.ended, finished.attempt) == ([], "max_steps", 1)
