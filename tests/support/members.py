"""Workers of a dispatcher that do nothing but remember what they were sent."""

import asyncio
from typing import Any

from app.pool.dispatch import Dispatcher, Member, Ticket
from app.pool.messages import Submit, ToWorker
from tests.support.requests import ask


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
            self.held.pop(name)
        dispatcher.dispatch()


def dispatcher(workers: int = 2, *, capacity: int = 100, credit: int = 2, ready: bool = True) -> tuple[Dispatcher, list[FakeMember]]:
    members = [FakeMember(str(index), ready) for index in range(workers)]
    return Dispatcher(members, capacity, credit), members


def ticket(name: str, **fields: Any) -> Ticket:
    return Ticket("model", ask(name, **fields), asyncio.get_running_loop().create_future())


def admit(dispatcher: Dispatcher, names: str, now: float = 0.0, **fields: Any) -> dict[str, Ticket]:
    """Admit a ticket for each letter."""
    tickets = {name: ticket(name, **fields) for name in names}
    for each in tickets.values():
        dispatcher.admit(each, now)
    return tickets
