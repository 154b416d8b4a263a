"""The load client: what has come whole is a response, however it came; a connection that ends is told once, and never of a request that has its answer."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bench.client import Wire, connect, parsed

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nRetry-After: 3\r\n\r\nbody"
CHUNKED = b"HTTP/1.1 503 Busy\r\ntransfer-encoding: chunked\r\n\r\n2\r\nbo\r\na\r\ndy\r\n\r\n89ab\r\n0\r\n\r\n"


@pytest.mark.parametrize(("whole", "body"), [(PLAIN, b"body"), (CHUNKED, b"body\r\n\r\n89ab")])
def test_a_response_is_there_with_its_last_byte(whole, body) -> None:
    for size in range(len(whole)):
        assert parsed(bytearray(whole[:size])) is None
    response = parsed(bytearray(whole))
    assert (response.body, response.good) == (body, whole is PLAIN)


class Server:
    """Answers each request with the next of `answers`; an empty one closes the connection."""

    def __init__(self) -> None:
        self.answers = list[bytes]()
        self.writers = list[asyncio.StreamWriter]()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        while await reader.read(100) and (answer := self.answers.pop(0)):
            writer.write(answer)
        writer.close()


@pytest.fixture
async def served() -> AsyncIterator[tuple[Server, Wire]]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    wire = await connect(listening.sockets[0].getsockname()[1])
    yield server, wire
    wire.close()
    for writer in server.writers:
        writer.close()
        await writer.wait_closed()
    listening.close()
    await listening.wait_closed()


async def test_one_request_after_the_other(served) -> None:
    server, wire = served
    server.answers += [PLAIN, CHUNKED]
    assert [(await wire.exchange(b"?")).good for _ in range(2)] == [True, False]


async def test_a_connection_that_breaks_is_an_error_then_and_later(served) -> None:
    server, wire = served
    server.answers += [PLAIN, b""]
    await wire.exchange(b"?")
    for _ in range(2):
        with pytest.raises(EOFError):
            await wire.exchange(b"?")


async def test_the_end_of_an_idle_connection_is_told_to_nobody(served) -> None:
    server, wire = served
    server.answers += [PLAIN]
    told, came = [], asyncio.Event()
    wire.ask(b"?", lambda response: (told.append(response), came.set()))
    await came.wait()
    server.writers[0].close()
    while not wire.transport.is_closing():
        await asyncio.sleep(0.001)
    assert [response.good for response in told] == [True]
    wire.ask(b"?", told.append)
    assert told[1:] == [None]
