"""Who gets which puzzle: oldest first, to the worker that holds least, never more than it can start soon."""

import pytest

from app.errors import QueueFull
from app.pool.messages import Abort, Submit
from tests.support.members import admit, dispatcher, ticket


async def test_puzzles_go_to_the_worker_that_holds_least() -> None:
    queue, (first, second) = dispatcher(2, credit=3)
    admit(queue, "abcd")
    assert (first.submitted, second.submitted) == (["a", "c"], ["b", "d"])
    second.finish(queue, "b", "d")
    admit(queue, "ef")
    assert second.submitted == ["b", "d", "e", "f"]


async def test_a_message_names_the_model_and_carries_the_request() -> None:
    queue, (worker,) = dispatcher(1)
    tickets = admit(queue, "a")
    assert worker.sent == [Submit("model", tickets["a"].request)]


async def test_a_worker_is_sent_no_more_than_its_credit() -> None:
    queue, members = dispatcher(2, credit=2)
    admit(queue, "abcdef")
    assert [len(member.held) for member in members] == [2, 2]
    assert list(queue.waiting) == ["e", "f"]


async def test_the_oldest_puzzle_goes_first_when_a_worker_has_room() -> None:
    queue, (worker,) = dispatcher(1, credit=1)
    admit(queue, "abc")
    worker.finish(queue, "a")
    worker.finish(queue, "b")
    assert worker.submitted == ["a", "b", "c"]


async def test_a_worker_that_is_not_ready_is_sent_nothing() -> None:
    queue, (first, second) = dispatcher(2, credit=9)
    first.ready = False
    admit(queue, "abc")
    assert (first.submitted, second.submitted) == ([], ["a", "b", "c"])


async def test_puzzles_wait_until_a_worker_is_ready() -> None:
    queue, (worker,) = dispatcher(1, ready=False)
    admit(queue, "ab")
    worker.ready = True
    queue.dispatch()
    assert worker.submitted == ["a", "b"]


async def test_a_puzzle_beyond_the_queues_capacity_is_refused() -> None:
    queue, _ = dispatcher(1, credit=1, capacity=2)
    admit(queue, "abc")
    with pytest.raises(QueueFull, match="2 puzzles are waiting already"):
        queue.admit(ticket("d"), 0)
    assert list(queue.waiting) == ["b", "c"]


async def test_releasing_a_waiting_puzzle_takes_it_out_of_the_queue() -> None:
    queue, (worker,) = dispatcher(1, credit=1)
    tickets = admit(queue, "abc")
    queue.release(tickets["b"])
    worker.finish(queue, "a")
    assert worker.submitted == ["a", "c"]


async def test_releasing_a_running_puzzle_tells_its_worker_and_makes_room() -> None:
    queue, (worker,) = dispatcher(1, credit=1)
    tickets = admit(queue, "ab")
    queue.release(tickets["a"])
    assert worker.sent[1:] == [Abort("model", "a"), Submit("model", tickets["b"].request)]


async def test_releasing_a_finished_puzzle_tells_nobody() -> None:
    queue, (worker,) = dispatcher(1)
    tickets = admit(queue, "a")
    worker.finish(queue, "a")
    queue.release(tickets["a"])
    assert worker.submitted == ["a"] == [message.request.id for message in worker.sent]
