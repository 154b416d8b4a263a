"""A worker dies: what it held runs elsewhere, and a puzzle that kills workers is found without harm to the others."""

import pytest

from app.errors import WorkerLost
from tests.support.members import admit, dispatcher, names


async def test_what_a_dead_worker_held_goes_to_the_others_in_order() -> None:
    queue, (first, second) = dispatcher(2, credit=4)
    admit(queue, "abcdef")
    queue.lost(first)
    assert second.submitted == ["b", "d", "f", "a"]
    assert names(queue) == ["c", "e"]


async def test_it_goes_before_those_that_only_waited() -> None:
    queue, (worker,) = dispatcher(1, credit=2)
    admit(queue, "abcd")
    queue.lost(worker)
    assert names(queue) == ["a", "b", "c", "d"]


async def test_a_dead_worker_is_sent_nothing_until_it_is_ready_again() -> None:
    queue, (worker,) = dispatcher(1)
    admit(queue, "a")
    queue.lost(worker)
    assert (worker.ready, worker.held, worker.submitted) == (False, {}, ["a"])
    worker.ready = True
    queue.dispatch()
    assert worker.submitted == ["a", "a"]


def revive(queue, worker) -> None:
    worker.sent.clear()
    worker.ready = True
    queue.dispatch()


async def test_a_puzzle_on_which_two_workers_died_runs_alone() -> None:
    queue, (worker,) = dispatcher(1, credit=9)
    admit(queue, "abc")
    for _ in range(2):
        queue.lost(worker)
        revive(queue, worker)
    assert worker.submitted == ["a"]
    worker.finish(queue, "a")
    assert worker.submitted == ["a", "b"]


async def test_a_suspect_waits_for_a_worker_that_holds_nothing_and_keeps_it_to_itself() -> None:
    queue, (first, second) = dispatcher(2, credit=2)
    admit(queue, "ab")
    queue.lost(first)  # a moves over to the second
    queue.lost(second)  # on which a dies for the second time, b for the first
    revive(queue, first)
    assert (first.submitted, names(queue)) == (["b"], ["a"])
    revive(queue, second)
    admit(queue, "cd")
    assert (first.submitted, second.submitted, names(queue)) == (["b", "c"], ["a"], ["d"])


async def test_a_puzzle_that_kills_a_worker_alone_is_given_up() -> None:
    queue, (worker,) = dispatcher(1, credit=9)
    tickets = admit(queue, "ab")
    for _ in range(3):
        queue.lost(worker)
        revive(queue, worker)
    with pytest.raises(WorkerLost, match="3 workers died on this puzzle"):
        await tickets["a"].future
    assert worker.submitted == ["b"]


async def test_a_puzzle_beside_a_killer_is_solved_after_all() -> None:
    queue, (worker,) = dispatcher(1, credit=9)
    admit(queue, "ab")
    for _ in range(3):
        queue.lost(worker)
        revive(queue, worker)
    worker.finish(queue, "b")
    assert not queue.waiting
    assert not worker.held


async def test_a_suspect_whose_client_left_at_that_moment_harms_nobody() -> None:
    queue, (worker,) = dispatcher(1)
    tickets = admit(queue, "a")
    for _ in range(2):
        queue.lost(worker)
        revive(queue, worker)
    tickets["a"].future.cancel()
    queue.lost(worker)
    assert not worker.held


async def test_bulk_of_a_dead_worker_goes_before_the_other_bulk_only() -> None:
    queue, (worker,) = dispatcher(1, credit=2)
    admit(queue, "abc", bulk=True)
    admit(queue, "d")
    queue.lost(worker)
    assert names(queue) == ["d", "a", "b", "c"]
