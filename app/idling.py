"""uvicorn's connection, closed when it has been idle for too long by one alarm, where uvicorn sets one and cancels it for each request. Knows no requests."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Idling(HttpToolsProtocol):
    """`idle_since` is when the last response was written, by the loop's clock, until something comes; `alarm` looks whether that is too long ago."""

    idle_since: float | None = None
    alarm: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop when the client has left."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        if self.alarm is not None:
            self.alarm.cancel()

    def _unset_keepalive_if_required(self) -> None:
        """Called when something comes, or has come together with what was answered before it."""
        self.idle_since = None

    def on_response_complete(self) -> None:
        """Called at the end of a response."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self.idle_since = self.loop.time()
        if self.alarm is None:
            self.alarm = self.loop.call_later(self.timeout_keep_alive, self._look)

    def _look(self) -> None:
        """Close the connection if it has been idle for long enough; else look again when it will have been, or after the next response."""
        self.alarm = None
        if self.idle_since is None:
            return
        end = self.idle_since + self.timeout_keep_alive
        if self.loop.time() < end:
            self.alarm = self.loop.call_at(end, self._look)
        else:
            self.timeout_keep_alive_handler()
