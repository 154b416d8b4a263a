"""uvicorn's connection, with a short way past ASGI: single puzzles are answered, and in a flood turned away unread. A response is written at one go.

Knows uvicorn's protocol on `httptools`; no routes.
"""

import asyncio
import time
from functools import partial
from typing import Any, cast

from app.api.express import Express
from app.api.turnstile import Turnstile
from app.gathering import Gathering
from app.idling import Idling


class Unheard:
    """Where uvicorn says that a client has left, which `Connection` sees to itself."""

    def set(self) -> None:
        """Called by uvicorn."""


class Errand:
    """A request that is being answered the short way, where uvicorn has a cycle and asks it these things.

    It must not lead back to itself: a search for garbage among the objects of a thousand requests keeps all others waiting for 50 ms.
    """

    message_event = Unheard()

    def __init__(self, *, keep_alive: bool) -> None:
        self.response_complete, self.disconnected, self.keep_alive = False, False, keep_alive


class Connection(Idling):
    """One connection. The lifespan's state may have a `turnstile` and an `express`."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.turnstile: Turnstile | None = self.app_state.get("turnstile")
        self.express: Express | None = self.app_state.get("express")
        self.turned_away: float | None = None
        """When the request that is coming now was refused, if it was."""
        self.body: bytearray | None = None
        """What has come of one that goes the short way, and `begun`, when its head had."""
        self.begun = 0.0
        self.serving: asyncio.Task[None] | None = None
        """Who answers one that goes the short way."""
        self.leaving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop with a new connection."""
        super().connection_made(cast("asyncio.Transport", Gathering(cast("asyncio.Transport", transport))))

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop when the client has left."""
        if self.serving is not None:
            serving, self.serving = self.serving, None  # whose error, once it is cancelled, leads back here
            serving.cancel()
        elif self.express is not None and self.body is not None:
            self.express.left(self.headers, self.begun)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Called by the parser with a new request: no scope is made of one that goes the short way."""
        self.url, self.expect_100_continue, self.headers = b"", False, []

    def _goes_on(self) -> None:
        """Go the usual way with the request whose head has come."""
        come = self.url, self.expect_100_continue, self.headers
        super().on_message_begin()
        self.url, self.expect_100_continue, self.headers[:] = come
        super().on_headers_complete()

    def on_headers_complete(self) -> None:
        """Called by the parser: turn the request away, or begin with it."""
        self._unset_keepalive_if_required()  # of a response that was written when this had come in one piece with its request
        method = self.parser.get_method()
        if self.turnstile is not None and self.turnstile.turns_away(method, self.url, self.headers) and self._is_plain():
            self.turned_away = time.perf_counter()
        elif self.express is not None and self.express.takes(method, self.url, self.headers) and self._is_plain():
            self.body, self.begun = bytearray(), time.perf_counter()
        else:
            self._goes_on()

    def _is_plain(self) -> bool:
        """Whether a response may be written as soon as there is one: nothing else is on its way, and nothing else is asked for than an answer."""
        idle = self.cycle is None or self.cycle.response_complete
        simple = self.parser.get_http_version() == "1.1" and self.parser.should_keep_alive() and not self.parser.should_upgrade()
        return idle and simple and not self.expect_100_continue and not self.flow.write_paused

    def on_body(self, body: bytes) -> None:
        """Called by the parser with a piece of the body."""
        if self.body is not None:
            self.body += body
        elif self.turned_away is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Called by the parser at the end of a request."""
        if self.body is not None and self.express is not None:
            body, self.body = bytes(self.body), None
            self._begin(body, self.express)
        elif self.turned_away is not None and self.turnstile is not None:
            seconds, self.turned_away = time.perf_counter() - self.turned_away, None
            self.transport.write(self.turnstile.refusal(self.headers, self.server_state.default_headers, seconds))
            if self.leaving:
                self.transport.close()
            self.on_response_complete()
        else:
            super().on_message_complete()

    def _begin(self, body: bytes, express: Express) -> None:
        """Answer a request the short way, or let it go the usual one, as if it came just now."""
        given = express.sound(body)
        if given is None:
            self._goes_on()
            self.cycle.keep_alive &= not self.leaving
            super().on_body(body)
            super().on_message_complete()
            return
        errand = Errand(keep_alive=not self.leaving)
        self.cycle = cast("Any", errand)
        self.serving = self.loop.create_task(express.serve(given, self.headers, self.server_state.default_headers, self.begun, partial(self._reply, errand)))

    def _reply(self, errand: Errand, head: bytes, body: bytes) -> None:
        errand.response_complete, self.serving = True, None
        self.transport.write(b"%b%b\r\n%b" % (head, b"" if errand.keep_alive else b"connection: close\r\n", body))
        if not errand.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def shutdown(self) -> None:
        """Called when the server stops: finish what is coming, then close."""
        if self.turned_away is None and self.body is None:
            super().shutdown()
        self.leaving = True
