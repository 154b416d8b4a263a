"""A transport that gathers what is written in one turn of the event loop: one system call, and one reader woken, where there would be several.

A response is written as its head and then its body. Knows bytes only.
"""

import asyncio
from typing import Any

MOST = 2**16
"""Bytes that are gathered: with more the transport must be asked whether its reader keeps up."""


class Gathering:
    """A transport around another one; all but writing is left to that."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport, self.gathered, self.size = transport, list[bytes](), 0
        self.loop = asyncio.get_running_loop()

    def write(self, data: bytes) -> None:
        """Write when this turn of the loop ends, with whatever else is written until then."""
        if not self.gathered:
            self.loop.call_soon(self.flush)
        self.gathered.append(data)
        self.size += len(data)
        if self.size > MOST:
            self.flush()

    def flush(self) -> None:
        """Write now what was gathered; nothing where that is done already."""
        if self.gathered:
            data, self.gathered, self.size = b"".join(self.gathered), [], 0
            if not self.transport.is_closing():  # whose reader may have left since
                self.transport.write(data)

    def close(self) -> None:
        """Write what was gathered, then close."""
        self.flush()
        self.transport.close()

    def is_closing(self) -> bool:
        """Whether nothing more can be written."""
        return self.transport.is_closing()

    def __getattr__(self, name: str) -> Any:  # whatever a transport has
        return getattr(self.transport, name)
