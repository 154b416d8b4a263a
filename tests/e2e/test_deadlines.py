"""`timeout_ms`: an answer is cut short while it runs, refused while it waits, and never cached."""

from collections.abc import Iterator

import pytest

from tests.e2e.endless import RUNNING, endless, idle
from tests.e2e.problems import refused
from tests.e2e.puzzles import IMPOSSIBLE, NEWSPAPER, distinct
from tests.e2e.serving import Server


@pytest.fixture
def narrow() -> Iterator[Server]:
    """A server that runs one puzzle at a time and has measured nothing yet."""
    with Server(workers=1, slots=1, backend="onnx") as server:  # whose steps are slow on every CPU
        yield server


def test_a_deadline_while_it_runs_gives_the_best_grid_so_far(server: Server) -> None:
    answer = server.answer(IMPOSSIBLE, halt="never", max_steps=256, attempts=64, timeout_ms=300)
    assert (answer["status"], answer["verified"], answer["halt_reason"]) == ("unsolved", False, "deadline")
    assert len(answer["solution"]) == 81
    assert 1 <= answer["steps"] < 256 * 64


def test_what_a_deadline_cut_short_is_not_cached(server: Server) -> None:
    (puzzle,) = distinct(1, seed=601)
    options = {"halt": "never", "max_steps": 256}
    assert server.answer(puzzle, **options, timeout_ms=20)["halt_reason"] == "deadline"
    whole = server.answer(puzzle, **options, timeout_ms=60_000)
    assert (whole["cache"], whole["halt_reason"]) == ("miss", "max_steps")


def test_a_deadline_while_it_waits_is_504(narrow: Server) -> None:
    with endless(narrow):
        narrow.until(RUNNING, lambda value: value == 1)
        problem = refused(narrow.solve(NEWSPAPER, cache="bypass", timeout_ms=100), 504, "deadline")
    assert problem["type"] == "/problems/deadline-exceeded"
    idle(narrow)


def test_wherever_it_waits(narrow: Server) -> None:
    with endless(narrow), endless(narrow), endless(narrow):
        narrow.until("trm_requests_waiting", lambda value: value == 1)
        refused(narrow.solve(NEWSPAPER, cache="bypass", timeout_ms=100), 504, "deadline")
    idle(narrow)


def test_it_is_counted_as_expired(narrow: Server) -> None:
    with endless(narrow):
        narrow.until(RUNNING, lambda value: value == 1)
        narrow.solve(NEWSPAPER, cache="bypass", timeout_ms=50)
    assert narrow.metric("trm_requests_finished_total", outcome="expired") == 1


def test_a_deadline_that_has_hardly_begun_is_no_error(server: Server) -> None:
    for _ in range(20):
        response = server.solve(IMPOSSIBLE, cache="bypass", halt="never", max_steps=256, timeout_ms=1)
        assert response.status_code in (200, 503, 504)
