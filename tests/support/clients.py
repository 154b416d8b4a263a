"""The whole application and a client of it, without a socket between them."""

from contextlib import AbstractAsyncContextManager
from typing import Any

from httpx import ASGITransport, AsyncClient
from starlette.types import ASGIApp

from app.api.deps import Services
from app.main import create_app
from app.settings import Settings


def app_of(services: Services, state: dict[str, Any] | None = None, **settings: Any) -> ASGIApp:
    app = create_app(Settings(**settings), services)

    async def with_state(scope, receive, send):  # the lifespan would put it there
        await app({**scope, "state": {"services": services, **(state or {})}}, receive, send)

    return with_state


def client_of(services: Services, state: dict[str, Any] | None = None, **settings: Any) -> AbstractAsyncContextManager[AsyncClient]:
    return AsyncClient(transport=ASGITransport(app_of(services, state, **settings), raise_app_exceptions=False), base_url="http://test")
