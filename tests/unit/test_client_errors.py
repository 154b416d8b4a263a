"""What the client makes of a refusal, and when it tries again."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from app.client import Busy, ClientError, DeadlineExceeded, Invalid, NotAllowed, NotFound, Refused, Retries, TimedOut, Unexpected, Unreachable
from app.client.errors import refused

PROBLEM = {"type": "/problems/any", "title": "any", "detail": "mend this", "errors": [{"pointer": "/puzzle/grid", "detail": "that cell"}]}


def problem(status: int, **headers: str) -> ClientError:
    return refused(status, headers, json.dumps({**PROBLEM, "status": status}).encode())


def busy(retry_after: str) -> ClientError:
    return refused(503, {"retry-after": retry_after}, json.dumps({**PROBLEM, "status": 503}).encode())


KINDS = {400: Invalid, 401: NotAllowed, 403: NotAllowed, 404: NotFound, 413: Invalid, 415: Invalid, 422: Invalid}
KINDS |= {429: Busy, 503: Busy, 504: DeadlineExceeded, 418: Refused, 500: Refused}


@pytest.mark.parametrize(("status", "kind"), KINDS.items())
def test_a_refusal_is_the_error_of_its_status_and_carries_the_problem(status, kind) -> None:
    error = problem(status)
    assert type(error) is kind
    assert (str(error), error.problem.status, error.problem.errors[0].pointer) == ("mend this", status, "/puzzle/grid")
    assert error.temporary == (kind is Busy)


@pytest.mark.parametrize("content", [b"", b"<html>bad gateway</html>", b"\xff\xfe", b'{"detail": 1}'])
def test_a_proxys_page_is_a_problem_too(content) -> None:
    error = refused(502, {}, content)
    assert isinstance(error, Refused)
    assert (error.problem.status, error.problem.title) == (502, "Bad Gateway")
    assert error.problem.detail


def test_a_redirect_is_not_this_service() -> None:
    assert isinstance(refused(302, {}, b""), Unexpected)


def test_retry_after_may_be_a_number_or_a_date_or_nonsense() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert busy("7").retry_after == 7
    assert 25 < (busy(soon).retry_after or 0) <= 30
    assert busy("Wed, 21 Oct 2015 07:28:00 GMT").retry_after == 0
    assert busy("soon").retry_after is None
    assert busy("-1").retry_after is None


@pytest.mark.parametrize("tried", range(4))
def test_pauses_grow_and_are_random_within_bounds(tried) -> None:
    retries = Retries(most=4, first=1, longest=5)
    pauses = {retries.pause(tried, Unreachable()) for _ in range(50)}
    top = min(5, 2**tried)
    assert len(pauses) > 1
    assert all(pause is not None and top / 2 <= pause <= top for pause in pauses)


def test_no_pause_is_shorter_than_the_service_asked_for() -> None:
    assert all(7 < (Retries(first=0.1).pause(0, busy("7")) or 0) < 8 for _ in range(50))


@pytest.mark.parametrize(
    ("tried", "error"), [(3, Unreachable()), (0, TimedOut()), (0, problem(422)), (0, problem(504)), (0, busy("31")), (0, Unexpected())], ids=str
)
def test_what_would_not_help_is_not_tried_again(tried, error) -> None:
    assert Retries(most=3, longest=30).pause(tried, error) is None
