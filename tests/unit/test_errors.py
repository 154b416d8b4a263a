"""The error tree: what each class becomes."""

import pytest

from app import errors
from app.errors import InvalidPuzzle, QueueFull, TRMError

STATUS = {
    "InvalidRequest": 422,
    "InvalidPuzzle": 422,
    "BodyNotJSON": 400,
    "BodyTooLarge": 413,
    "UnsupportedMediaType": 415,
    "NotFound": 404,
    "UnknownModel": 404,
    "UnknownPuzzle": 404,
    "Unavailable": 503,
    "QueueFull": 503,
    "Draining": 503,
    "NoWorker": 503,
    "WorkerLost": 503,
    "StepFailed": 503,
    "DeadlineExceeded": 504,
    "InvalidModel": 500,
}


def tree(base: type[TRMError]) -> list[type[TRMError]]:
    return [base, *(each for child in base.__subclasses__() for each in tree(child))]


@pytest.mark.parametrize(("name", "status"), STATUS.items())
def test_each_error_has_its_status(name, status) -> None:
    assert getattr(errors, name)("why").status == status


def test_each_error_has_a_type_of_its_own_and_a_title() -> None:
    kinds = [each.type for each in tree(TRMError)]
    assert len(kinds) == len(set(kinds)) >= len(STATUS)
    assert all(each.title for each in tree(TRMError))


@pytest.mark.parametrize(("given", "told"), [(0, 1), (-3, 1), (1, 1), (17, 17)])
def test_a_refused_client_is_never_told_to_come_back_at_once(given, told) -> None:
    assert QueueFull("full", retry_after=given).retry_after == told


def test_only_what_will_pass_has_a_time_to_come_back() -> None:
    assert InvalidPuzzle("wrong").retry_after is None
