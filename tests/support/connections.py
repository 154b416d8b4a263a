"""A client at the other end of one connection, without sockets: bytes in, bytes out."""

import asyncio
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from app.connection import Connection
from app.metrics import Metrics

Answered = tuple[int, dict[str, str], bytes]
"""Status, headers and body of a response."""


class Transport(asyncio.Transport):
    """Notes what is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written, self.closed = b"", False

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Peer:
    """The client. At the other end is an application that answers with what it read, once it is `free` to."""

    def __init__(self, metrics: Metrics, **state: Any) -> None:
        self.metrics, self.transport, self.free = metrics, Transport(), asyncio.Event()
        self.free.set()
        config = uvicorn.Config(self.echo, interface="asgi3", lifespan="off", log_config=None, proxy_headers=False)
        config.load()
        server = ServerState()
        server.default_headers = [(b"date", b"today")]
        self.connection = Connection(config=config, server_state=server, app_state=state)
        self.connection.connection_made(self.transport)

    async def echo(self, scope, receive, send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        await self.free.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})

    async def asks(self, *pieces: bytes) -> list[Answered]:
        """What comes in response to what is sent in these pieces, so far."""
        self.transport.written = b""
        for piece in pieces:
            self.connection.data_received(piece)
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        found, rest = [], self.transport.written
        while rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            status, *lines = head.decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines)
            size = int(headers.get("content-length", 0))
            found.append((int(status.split()[1]), headers, rest[:size]))
            rest = rest[size:]
        return found

    def leave(self) -> None:
        """Close the connection."""
        self.transport.closed = True
        self.connection.connection_lost(None)

    def counted(self, name: str, **labels: str) -> float | None:
        """What a metric says."""
        return self.metrics.registry.get_sample_value(name, labels)
