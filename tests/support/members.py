"""Workers of a dispatcher that do nothing but remember what they were sent."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from app.pool.dispatch import Dispatcher, Member, Ticket
from app.pool.messages import Stepped, Submit, ToWorker
from tests.support.requests import ask, outcome


class FakeMember(Member):
    """A worker that is ready and writes down every message."""

    def __init__(self, name: str, ready: bool = True) -> None:
        self.sent: list[ToWorker] = []
        super().__init__(name, self.sent.append, ready)

    @property
    def submitted(self) -> list[str]:
        return [message.request.id for message in self.sent if isinstance(message, Submit)]

    def finish(self, dispatcher: Dispatcher, *names: str) -> None:
        """Be done with puzzles, as the pool does when a worker reports them."""
        for name in names:
            assert self.drop(name)
        dispatcher.dispatch()


def dispatcher(workers: int = 2, *, capacity: int = 100, credit: int = 2, ahead: int = 0, ready: bool = True) -> tuple[Dispatcher, list[FakeMember]]:
    """`credit` is what a worker may hold, `ahead` of it beyond its slots."""
    members = [FakeMember(str(index), ready) for index in range(workers)]
    return Dispatcher(members, capacity, slots=credit - ahead, ahead=ahead), members


def names(dispatcher: Dispatcher) -> list[str]:
    """Who waits, in the order of the lanes."""
    return [ticket.request.id for ticket in dispatcher.waiting]


def step(
    dispatcher: Dispatcher, member: Member, *started: str, model: str = "model", size: int = 1, seconds: float = 0.0, finished: Sequence[tuple[int, int]] = ()
) -> None:
    """A worker tells of a step; `finished` are the steps and attempts of puzzles that nobody here asked for."""
    outcomes = tuple(outcome(ask("?"), b"", steps=steps, attempts=attempts) for steps, attempts in finished)
    dispatcher.stepped(member, Stepped(model, ((size, seconds),), outcomes, started))
    dispatcher.dispatch()


def ticket(name: str, model: str = "model", **fields: Any) -> Ticket:
    return Ticket(model, ask(name, **fields), asyncio.get_running_loop().create_future())


def admit(dispatcher: Dispatcher, names: Iterable[str], now: float = 0.0, **fields: Any) -> dict[str, Ticket]:
    """Admit a ticket for each letter."""
    tickets = {name: ticket(name, **fields) for name in names}
    for each in tickets.values():
        dispatcher.admit(each, now)
    return tickets
