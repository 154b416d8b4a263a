"""Which form of a batch's answer a client gets for its Accept header."""

import pytest

from app.api.accept import prefers

LINES, DOCUMENT = "application/x-ndjson", "application/json"


@pytest.mark.parametrize(
    ("header", "lines"),
    [
        ("application/x-ndjson", True),
        ("Application/X-NDJSON", True),
        ("application/x-ndjson; charset=utf-8", True),
        ("application/x-ndjson, application/json;q=0.9", True),
        ("application/json;q=0.5,application/x-ndjson;q=0.5", True),
        ("application/x-ndjson;q=0.2, */*;q=0.9", True),
        ("application/json, application/x-ndjson;q=0.9", False),
        ("application/x-ndjson;q=0", False),
        ("application/x-ndjson;q=much", False),
        ("application/json", False),
        ("*/*", False),
        ("application/*", False),
        ("text/html", False),
        ("", False),
        (";;,,;q=", False),
    ],
)
def test_lines_are_for_those_who_name_them_and_want_the_document_no_more(header, lines) -> None:
    assert prefers([header], LINES, DOCUMENT) is lines


def test_a_header_may_be_there_several_times_or_not_at_all() -> None:
    assert not prefers([], LINES, DOCUMENT)
    assert prefers(["text/html", LINES], LINES, DOCUMENT)
