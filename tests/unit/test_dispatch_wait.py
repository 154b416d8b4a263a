"""How long a puzzle would wait, by the pace of the last steps, and who is refused because of it."""

import pytest

from app.errors import QueueFull
from app.pool.dispatch import FRESH_SHARE
from tests.support.members import admit, dispatcher, step, ticket


def paced(workers: int = 1, *, attempt_seconds: float, slots: int = 1, capacity: int = 100, started: bool = True):
    """A dispatcher that has measured an attempt: it takes a worker so many seconds, restarts and bulk that take their turns included. All slots are taken."""
    queue, members = dispatcher(workers, credit=slots, capacity=capacity)
    step(queue, members[0], size=slots, seconds=attempt_seconds * slots * FRESH_SHARE, finished=[(1, 1)])
    admit(queue, [f"* {number}" for number in range(workers * slots)])
    for member in members:
        member.start(list(member.held) if started else ())
    return queue, members


async def test_nothing_measured_yet_is_no_reason_to_refuse() -> None:
    queue, _ = dispatcher(1, credit=1)
    admit(queue, "abcdef", deadline=0.001)
    assert queue.expected_wait() == 0


async def test_steps_that_finished_nothing_are_no_reason_to_refuse() -> None:
    queue, (worker,) = dispatcher(1, credit=1)
    step(queue, worker, seconds=0.5)
    admit(queue, "ab", deadline=0.001)


async def test_puzzles_finished_by_no_step_are_none_either() -> None:
    queue, (worker,) = dispatcher(1, credit=1)
    step(queue, worker, size=0, finished=[(3, 1)])
    admit(queue, "ab", deadline=0.001)


async def test_the_wait_is_the_work_ahead_over_all_ready_workers() -> None:
    queue, members = paced(2, attempt_seconds=0.125)
    admit(queue, "cdefgh")
    assert queue.expected_wait() == pytest.approx(6 * 0.125 / 2)
    members[0].ready = False
    assert queue.expected_wait() == pytest.approx(6 * 0.125)


async def test_each_model_has_a_pace_of_its_own() -> None:
    queue, (worker,) = paced(attempt_seconds=1)
    for model, seconds in (("slow", 5.0), ("fast", 0.5)):
        step(queue, worker, model=model, seconds=seconds * FRESH_SHARE, finished=[(2, 1)])
        queue.admit(ticket(model, model=model), 0)
    assert queue.expected_wait() == pytest.approx(2 * 5 + 2 * 0.5)


async def test_puzzles_of_many_attempts_delay_others_by_one_only() -> None:
    queue, (worker,) = paced(attempt_seconds=1)
    for _ in range(500):
        step(queue, worker, seconds=FRESH_SHARE, finished=[(200, 100)])
    admit(queue, "abc")
    assert queue.expected_wait() == pytest.approx(3 * 2, rel=0.01)


async def test_what_a_worker_holds_and_has_not_started_is_ahead_too() -> None:
    queue, (worker,) = paced(attempt_seconds=1, slots=2, started=False)
    assert queue.expected_wait() == 0
    admit(queue, "ab")
    assert queue.expected_wait() == pytest.approx(4)
    worker.start(list(worker.held)[:1])
    assert queue.expected_wait() == pytest.approx(3)


async def test_bulk_waits_behind_all_and_delays_nobody_else() -> None:
    queue, _ = paced(attempt_seconds=1)
    admit(queue, "ab", bulk=True)
    admit(queue, "cde")
    assert (queue.expected_wait(bulk=False), queue.expected_wait(bulk=True)) == (pytest.approx(3), pytest.approx(5))
    with pytest.raises(QueueFull, match=r"about 5\.0 s"):
        queue.admit(ticket("f", bulk=True, deadline=4), 0)
    queue.admit(ticket("g", deadline=4), 0)


async def test_a_puzzle_that_would_wait_beyond_its_deadline_is_refused_at_the_door() -> None:
    queue, _ = paced(attempt_seconds=1)
    admit(queue, "bcdef", now=100.0)
    with pytest.raises(QueueFull, match=r"it would wait about 5\.0 s, beyond its deadline") as caught:
        queue.admit(ticket("late", deadline=104.9), 100.0)
    assert caught.value.retry_after == 5
    queue.admit(ticket("patient", deadline=105.1), 100.0)
    assert list(queue.waiting)[-1].request.id == "patient"


@pytest.mark.parametrize(("rate", "seconds"), [(0.001, 60), (2.0, 2), (1000.0, 1)])
async def test_a_refused_client_is_told_when_the_queue_will_be_worked_off(rate, seconds) -> None:
    queue, _ = paced(attempt_seconds=1 / rate, capacity=3)
    admit(queue, "bcd")
    with pytest.raises(QueueFull) as caught:
        queue.admit(ticket("e"), 0)
    assert caught.value.retry_after == seconds == queue.retry_after()
