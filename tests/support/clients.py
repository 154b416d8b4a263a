"""A client of the whole application, without a socket between them."""

from contextlib import AbstractAsyncContextManager
from typing import Any

from httpx import ASGITransport, AsyncClient

from app.api.deps import Services
from app.main import create_app
from app.settings import Settings


def client_of(services: Services, state: dict[str, Any] | None = None, **settings: Any) -> AbstractAsyncContextManager[AsyncClient]:
    app = create_app(Settings(**settings), services)

    async def with_state(scope, receive, send):  # the lifespan would put it there
        await app({**scope, "state": {"services": services, **(state or {})}}, receive, send)

    return AsyncClient(transport=ASGITransport(with_state, raise_app_exceptions=False), base_url="http://test")
