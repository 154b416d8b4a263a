"""Who gets which puzzle: oldest first, to the worker that holds least, never more than it can start soon."""

import pytest

from app.engine.lanes import TURNS
from app.errors import QueueFull
from app.pool.messages import Abort, Submit
from tests.support.members import admit, dispatcher, names, step, ticket


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
    assert names(queue) == ["e", "f"]


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
    assert names(queue) == ["b", "c"]


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


async def test_a_worker_is_sent_more_when_what_it_holds_has_had_its_turn() -> None:
    queue, (worker,) = dispatcher(1, credit=3, ahead=1)
    admit(queue, "abcdef")
    step(queue, worker, "a", "b")
    assert worker.submitted == ["a", "b", "c"], "two in two slots, and one ahead"
    step(queue, worker, "c")  # one of the others waits for another attempt: behind d
    assert worker.submitted == ["a", "b", "c", "d"]
    worker.finish(queue, "a")
    assert names(queue) == ["e", "f"], "those that have started fill the slots still"
    worker.finish(queue, "b")
    assert names(queue) == ["f"]


async def test_what_waits_at_a_worker_for_another_attempt_takes_room_in_the_queue() -> None:
    queue, (worker,) = dispatcher(1, credit=2, ahead=1, capacity=2)
    admit(queue, "ab")
    for name in "abc":
        step(queue, worker, name)
        if name < "c":
            admit(queue, "cd"["ab".index(name)])
    assert (worker.submitted, queue.backlog) == (["a", "b", "c", "d"], 2)
    with pytest.raises(QueueFull, match="2 puzzles are waiting already"):
        queue.admit(ticket("e"), 0)


async def test_a_start_of_a_puzzle_whose_client_left_meanwhile_counts_for_nothing() -> None:
    queue, (worker,) = dispatcher(1, credit=1)
    queue.release(admit(queue, "a")["a"])
    step(queue, worker, "a")
    admit(queue, "bc")
    assert worker.submitted == ["a", "b"]


async def test_interactive_puzzles_go_before_bulk() -> None:
    queue, (worker,) = dispatcher(1, credit=1)
    admit(queue, "abc", bulk=True)
    admit(queue, "de")
    worker.finish(queue, "a")
    assert (worker.submitted, names(queue)) == (["a", "d"], ["e", "b", "c"])


async def test_bulk_gets_its_turn_however_many_come_after_it() -> None:
    queue, (worker,) = dispatcher(1, credit=1)
    admit(queue, "*")
    admit(queue, "x", bulk=True)
    for number in range(2 * TURNS):
        admit(queue, [str(number)])
        worker.finish(queue, worker.submitted[-1])
    assert worker.submitted.index("x") == 1 + TURNS


async def test_bulk_takes_half_of_the_queue_at_most() -> None:
    queue, _ = dispatcher(1, credit=1, capacity=4)
    admit(queue, "*")
    admit(queue, "ab", bulk=True)
    with pytest.raises(QueueFull, match="2 puzzles are waiting already"):
        queue.admit(ticket("c", bulk=True), 0)
    admit(queue, "de")
    with pytest.raises(QueueFull, match="4 puzzles are waiting already"):
        queue.admit(ticket("f"), 0)


async def test_beside_bulk_there_is_always_a_place_for_others() -> None:
    queue, (worker,) = dispatcher(1, credit=6, ahead=4)
    admit(queue, "abcdef", bulk=True)
    assert worker.submitted == list("abcd"), "two in two slots, and half of those that may wait for them"
    admit(queue, "xyz")
    assert (worker.submitted[4:], names(queue)) == (["x", "y"], ["z", "e", "f"])
    worker.finish(queue, "x")
    worker.finish(queue, "a")
    assert (worker.submitted[6:], names(queue)) == (["z", "e"], ["f"])


@pytest.mark.parametrize("started", [False, True])
async def test_room_is_what_may_come_before_one_is_refused(started) -> None:
    """Of hard puzzles too, which have all run and wait at a worker for another attempt, where they hold up nobody."""
    queue, (worker, _) = dispatcher(2, credit=3, capacity=3)
    queue.members[1].ready = False
    for number in range(6):
        assert queue.room() == 6 - number
        queue.admit(ticket(str(number)), 10.0)
        if started:
            step(queue, worker, *worker.submitted)
    assert queue.room() == 0
    with pytest.raises(QueueFull):
        queue.admit(ticket("more"), 10.0)
    worker.finish(queue, "0")
    assert queue.room() == 1
