"""The pipe between the pool and a worker: whole messages over a pair of sockets. The pool's end never waits, the worker's does. Knows no messages."""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Generic, TypeVar, cast

from app.pool.wire import HEAD, decode, encode

log = logging.getLogger(__name__)
Sent = TypeVar("Sent")
Received = TypeVar("Received")
READ = 2**16
"""Bytes that are read at once."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends, of which one may be given to another process."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)


class _Pieces(Generic[Received]):
    """Bytes as they come, messages as soon as they are whole."""

    def __init__(self) -> None:
        self.rest = bytearray()

    def add(self, data: bytes | memoryview) -> list[Received]:
        self.rest += data
        messages, start = list[Received](), 0
        while len(self.rest) >= (body := start + HEAD.size) and len(self.rest) >= (end := body + HEAD.unpack_from(self.rest, start)[0]):
            messages += cast("list[Received]", decode(self.rest[body:end]))
            start = end
        del self.rest[:start]
        return messages


class Channel(Generic[Sent, Received]):
    """The worker's end."""

    def __init__(self, end: socket.socket) -> None:
        self.end, self.pieces = end, _Pieces[Received]()
        self.room = memoryview(bytearray(READ))
        """Where bytes are read into: room for as many at each time would take ten times as long as the reading."""

    def send(self, message: Sent) -> None:
        """Send a message. Raises `OSError` when the other end is gone."""
        self.end.sendall(encode([message]))

    def receive(self, *, wait: bool) -> list[Received]:
        """Messages that have come, in order; with `wait` one at least. Raises `EOFError` when the other end is gone, or `OSError`."""
        messages = list[Received]()
        while not messages:
            try:
                count = self.end.recv_into(self.room, 0, 0 if wait else socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            if not count:
                raise EOFError
            messages = self.pieces.add(self.room[:count])
        return messages

    def close(self) -> None:
        """Let the other end know that this one is gone."""
        self.end.close()


class Line(asyncio.Protocol, Generic[Sent, Received]):
    """The pool's end, in the event loop: `deliver` is called with each message that comes, and at last with None."""

    def __init__(self, deliver: Callable[[Received | None], None]) -> None:
        self.deliver, self.pieces, self.gathered = deliver, _Pieces[Received](), list[Sent]()
        self.transport: asyncio.Transport | None = None

    async def open(self, end: socket.socket) -> None:
        """Begin to carry messages; the socket is this line's from now on."""
        end.setblocking(False)
        await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=end)

    def send(self, message: Sent) -> None:
        """Send a message when this turn of the loop ends, with all others of the turn; when the other end is gone it is lost."""
        if not self.gathered:
            asyncio.get_running_loop().call_soon(self._flush)
        self.gathered.append(message)

    def _flush(self) -> None:
        messages, self.gathered = self.gathered, []
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(encode(messages))

    def close(self) -> None:
        """Let the other end know that this one is gone."""
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop once the socket is its own."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Called by the loop with what has come."""
        for message in self.pieces.add(data):
            self._deliver(message)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # why it is lost does not matter
        """Called by the loop when the other end is gone, or this one was closed."""
        self._deliver(None)

    def _deliver(self, message: Received | None) -> None:
        try:
            self.deliver(message)
        except Exception:  # the loop would close the pipe, and with it end the worker
            log.exception("a bug")
