"""What a ticket shows to who watches it."""

import asyncio

from app.engine.request import TraceStep
from app.pool.base import Watch
from app.pool.dispatch import Ticket
from tests.support.requests import ask


def watched(watch: Watch | None) -> Ticket:
    return Ticket("model", ask("a"), asyncio.get_running_loop().create_future(), watch)


async def test_no_step_is_shown_again_when_another_worker_begins_anew() -> None:
    shown: list[tuple[int, int]] = []
    ticket = watched(lambda step: shown.append((step.attempt, step.step)))
    for worker in ([(1, 1), (1, 2)], [(1, 1), (1, 2), (1, 3), (2, 1)], [(1, 1), (2, 1), (2, 2)]):
        for attempt, number in worker:
            ticket.show(TraceStep(attempt, number, b"", 0.5))
    assert shown == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]


async def test_who_has_left_is_shown_nothing() -> None:
    shown: list[TraceStep] = []
    ticket = watched(shown.append)
    ticket.future.cancel()
    ticket.show(TraceStep(1, 1, b"", 0.5))
    assert not shown


async def test_a_puzzle_that_nobody_watches_shows_nothing() -> None:
    watched(None).show(TraceStep(1, 1, b"", 0.5))
