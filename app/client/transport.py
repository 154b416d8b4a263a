"""What both clients need of httpx: its settings, our requests in its terms, its exceptions in ours. Sends nothing itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import httpx

from app.client.calls import Request
from app.client.errors import ClientError, TimedOut, Unexpected, Unreachable, refused


def settings(base_url: str, api_key: str | None, timeout: float, options: dict[str, Any]) -> dict[str, Any]:
    """What a client of httpx is made with; `options` are the user's own."""
    headers = {"user-agent": f"trm-serve/{version('trm-serve')}"} | ({"authorization": f"Bearer {api_key}"} if api_key else {})
    return {"base_url": base_url, "timeout": timeout, **options, "headers": headers | dict(options.get("headers", {}))}


def sent(request: Request, timeout: float) -> dict[str, Any]:
    """A request in httpx's terms; `timeout` is in seconds, for each part of the exchange, and for the answer beyond the deadline of its puzzles.

    A connection that others of this client use is waited for as long as they take, which is no fault of the service.
    """
    patience = httpx.Timeout(timeout, read=timeout + request.deadline, pool=None)
    return {"method": request.method, "url": request.path, "content": request.content, "headers": request.headers, "timeout": patience}


def checked(response: httpx.Response) -> None:
    """Raise what a response says that is no success; its content must have been read."""
    if not response.is_success:
        raise refused(response.status_code, {name.lower(): value for name, value in response.headers.items()}, response.content)


@contextmanager
def translated() -> Iterator[None]:
    """Raises errors of ours for httpx's."""
    try:
        yield
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise ClientError(f"this is no address of a service: {error}") from error
    except httpx.ConnectTimeout as error:
        raise Unreachable("the service did not accept the connection in time") from error
    except httpx.TimeoutException as error:
        raise TimedOut("the service did not answer in time") from error
    except (httpx.DecodingError, httpx.TooManyRedirects) as error:
        raise Unexpected(str(error)) from error
    except httpx.TransportError as error:
        raise Unreachable(f"the service cannot be reached: {error}") from error
