"""Why a call came to nothing, as one error tree. Knows statuses and headers; does no IO.

ClientError
├── Unreachable         no connection, or it broke                (tried again)
├── TimedOut            connected, and no answer in time
├── Unexpected          an answer that is not this service's
└── Refused             the service said no; `problem` says why
    ├── Invalid 400 413 415 422 · NotAllowed 401 403 · NotFound 404
    ├── Busy 429 503    come back after `retry_after` seconds     (tried again)
    └── DeadlineExceeded 504
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from pydantic import ValidationError

from app.client.results import Problem

LONGEST_QUOTE = 200


class ClientError(Exception):
    """Base of all errors of the client; `temporary` if the same call may succeed a little later."""

    temporary = False
    retry_after: float | None = None


class Unreachable(ClientError):
    """The service could not be connected to, or the connection broke before the answer was there."""

    temporary = True


class TimedOut(ClientError):
    """The service was there and did not answer in time."""


class Unexpected(ClientError):
    """What answered is not this service, or not a version that this client knows."""


class Refused(ClientError):
    """The service said why there is no answer; `retry_after` is in seconds, where it asked to be left alone for so long."""

    def __init__(self, problem: Problem, retry_after: float | None = None) -> None:
        super().__init__(problem.detail)
        self.problem, self.retry_after = problem, retry_after


class Invalid(Refused):
    """The request, its puzzle or an option is wrong; `problem.errors` points to where."""


class NotAllowed(Refused):
    """The API key is missing, unknown, or not allowed to do this."""


class NotFound(Refused):
    """There is no such model, puzzle id or job."""


class Busy(Refused):
    """The service cannot take it now, or this client has asked too often."""

    temporary = True


class DeadlineExceeded(Refused):
    """The deadline passed while the puzzle was still waiting."""


KINDS: dict[int, type[Refused]] = dict.fromkeys((400, 413, 415, 422), Invalid) | {401: NotAllowed, 403: NotAllowed, 404: NotFound}
KINDS |= {429: Busy, 503: Busy, 504: DeadlineExceeded}


def refusal(problem: Problem, retry_after: float | None = None) -> Refused:
    """The error that a problem is."""
    return KINDS.get(problem.status, Refused)(problem, retry_after)


def refused(status: int, headers: Mapping[str, str], content: bytes) -> ClientError:
    """The error that a response is whose status is no success; `headers` by lower-case name."""
    if status < HTTPStatus.BAD_REQUEST:
        return Unexpected(f"status {status} from something that is not this service, which never redirects")
    try:
        problem = Problem.model_validate_json(content)
    except ValidationError:  # a proxy's page
        problem = Problem(type="about:blank", title=_phrase(status), status=status, detail=_quoted(content) or _phrase(status))
    return refusal(problem, _seconds(headers.get("retry-after", "")))


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in {each.value for each in HTTPStatus} else f"Status {status}"


def _quoted(content: bytes) -> str:
    return json.dumps(content[:LONGEST_QUOTE].decode("utf-8", "replace"))[1:-1]


def _seconds(text: str) -> float | None:
    """`Retry-After` in seconds, whether it is a number or a date (RFC 9110, 10.2.3); None for anything else."""
    if text.isdecimal():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
