"""uvicorn's connection, with two things less to do: a response is written at one go, and in a flood requests are turned away before they are read.

Knows uvicorn's protocol on `httptools`; no routes.
"""

import asyncio
import time
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.api.turnstile import Turnstile
from app.gathering import Gathering


class Connection(HttpToolsProtocol):
    """One connection. The lifespan's state may have a `turnstile`."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.turnstile: Turnstile | None = self.app_state.get("turnstile")
        self.turned_away: float | None = None
        """When the request that is coming now was refused, if it was."""
        self.leaving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop with a new connection."""
        super().connection_made(cast("asyncio.Transport", Gathering(cast("asyncio.Transport", transport))))

    def on_headers_complete(self) -> None:
        """Called by the parser: turn the request away, or begin with it."""
        self._unset_keepalive_if_required()  # of a refusal that came with this in one piece
        if self.turnstile is not None and self.turnstile.turns_away(self.parser.get_method(), self.url, self.headers) and self._may_be_refused():
            self.turned_away = time.perf_counter()
        else:
            super().on_headers_complete()

    def _may_be_refused(self) -> bool:
        """Whether a refusal may be written as soon as the request has come: nothing else is on its way, and nothing else is asked for than an answer."""
        idle = self.cycle is None or self.cycle.response_complete
        simple = self.parser.get_http_version() == "1.1" and self.parser.should_keep_alive() and not self.parser.should_upgrade()
        return idle and simple and not self.expect_100_continue and not self.flow.write_paused

    def on_body(self, body: bytes) -> None:
        """Called by the parser with a piece of the body."""
        if self.turned_away is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Called by the parser at the end of a request."""
        if self.turned_away is None or self.turnstile is None:
            super().on_message_complete()
            return
        seconds, self.turned_away = time.perf_counter() - self.turned_away, None
        self.transport.write(self.turnstile.refusal(self.headers, self.server_state.default_headers, seconds))
        if self.leaving:
            self.transport.close()
        self.on_response_complete()

    def shutdown(self) -> None:
        """Called when the server stops: finish what is coming, then close."""
        if self.turned_away is None:
            super().shutdown()
        self.leaving = True
