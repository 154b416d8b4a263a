"""Sheds load: while the pool is flooded, single puzzles are refused before they are read, as an ASGI middleware. Knows one address and no puzzles.

Reading a request only to refuse it takes half as long as a step of the model, and at some multiple of what the workers can do it would leave them no time.
What is refused here might have been in the cache; so the first refusals of any moment go the usual way, and a lesser overload never comes to this.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.errors import counted
from app.errors import QueueFull
from app.metrics import Metrics
from app.pool.base import Pool

PATH = "/v1/solve"


class Shedding:
    """The middleware."""

    def __init__(self, app: ASGIApp, pool: Pool, metrics: Metrics) -> None:
        self.app, self.pool, self.metrics = app, pool, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "POST" and self.pool.flooded():
            scope["endpoint"] = self  # so that it is counted as what it is
            error = QueueFull("far more puzzles come than can be solved", retry_after=self.pool.retry_after())
            await counted(error, self.metrics)(scope, receive, send)
        else:
            await self.app(scope, receive, send)
