"""An application with layers around all of it. Knows ASGI; none of the layers.

What the framework calls middleware stands behind four layers of its own, which take more than half as long as all that uvicorn does for a request.
"""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send


class Layered(FastAPI):
    """FastAPI's application; a request comes through the layers, the last one first, before it comes to the framework."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.outermost: ASGIApp = super().__call__

    def surround(self, layer: Callable[..., ASGIApp], **given: Any) -> None:
        """Put a layer around everything: `layer(app, **given)`."""
        self.outermost = layer(self.outermost, **given)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.outermost(scope, receive, send)
