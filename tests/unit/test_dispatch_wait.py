"""How long a puzzle would wait, by the rate of the last steps, and who is refused because of it."""

import pytest

from app.errors import QueueFull
from tests.support.members import admit, dispatcher, ticket


async def test_nothing_measured_yet_is_no_reason_to_refuse() -> None:
    queue, _ = dispatcher(1, credit=1)
    admit(queue, "abcdef", deadline=0.001)
    assert queue.expected_wait() == 0


async def test_steps_that_finished_nothing_are_no_reason_to_refuse() -> None:
    queue, _ = dispatcher(1, credit=1)
    queue.measure(0, 0.5)
    admit(queue, "ab", deadline=0.001)


async def test_the_wait_is_the_queue_over_the_rate_of_all_ready_workers() -> None:
    queue, members = dispatcher(2, credit=1)
    queue.measure(4, 0.5)  # 8 puzzles a second each
    admit(queue, "ab" + "cdefgh")
    assert queue.expected_wait() == pytest.approx(6 / 16)
    members[0].ready = False
    assert queue.expected_wait() == pytest.approx(6 / 8)


async def test_the_last_steps_count_most() -> None:
    queue, _ = dispatcher(1, credit=1)
    for _ in range(50):
        queue.measure(10, 1.0)
    for _ in range(200):
        queue.measure(1, 1.0)
    admit(queue, "abc")
    assert queue.expected_wait() == pytest.approx(2, rel=0.2)


async def test_a_puzzle_that_would_wait_beyond_its_deadline_is_refused_at_the_door() -> None:
    queue, _ = dispatcher(1, credit=1)
    queue.measure(1, 1.0)
    admit(queue, "abcdef", now=100.0)
    with pytest.raises(QueueFull, match=r"it would wait about 5\.0 s, beyond its deadline") as caught:
        queue.admit(ticket("late", deadline=104.9), 100.0)
    assert caught.value.retry_after == 5
    queue.admit(ticket("patient", deadline=105.1), 100.0)
    assert list(queue.waiting)[-1] == "patient"


@pytest.mark.parametrize(("rate", "seconds"), [(0.001, 60), (2.0, 2), (1000.0, 1)])
async def test_a_refused_client_is_told_when_the_queue_will_be_worked_off(rate, seconds) -> None:
    queue, _ = dispatcher(1, credit=1, capacity=3)
    queue.measure(1, 1 / rate)
    admit(queue, "abcd")
    with pytest.raises(QueueFull) as caught:
        queue.admit(ticket("e"), 0)
    assert caught.value.retry_after == seconds == queue.retry_after()
