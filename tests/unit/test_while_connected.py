"""Work goes on while its client is there."""

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from app.api.deps import ClientGone, while_connected


class Client:
    """A client that leaves when told to."""

    def __init__(self) -> None:
        self.left = asyncio.Event()

    async def receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    @property
    def request(self) -> Request:
        return Request({"type": "http", "headers": []}, self.receive)


async def endless(ended: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("cancelled")


def test_work_that_is_done_is_returned() -> None:
    async def main() -> int:
        return await while_connected(Client().request, asyncio.sleep(0, 3))

    assert asyncio.run(main()) == 3


def test_work_ends_when_the_client_leaves_and_nothing_else_does() -> None:
    async def main() -> None:
        client, ended = Client(), list[str]()
        asyncio.get_running_loop().call_soon(client.left.set)
        with pytest.raises(ClientGone):
            await while_connected(client.request, endless(ended))
        assert ended == ["cancelled"]
        task = asyncio.current_task()
        assert task is not None
        assert not task.cancelling()
        await asyncio.sleep(0)  # which would raise if an end were still wanted

    asyncio.run(main())


@pytest.mark.parametrize("leaves", [False, True])
def test_an_end_from_outside_is_one_whether_the_client_leaves_too(leaves: bool) -> None:
    async def main() -> None:
        client, ended = Client(), list[str]()
        task = asyncio.create_task(while_connected(client.request, endless(ended)))
        await asyncio.sleep(0)
        if leaves:
            client.left.set()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == ["cancelled"]

    asyncio.run(main())
