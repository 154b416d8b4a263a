"""The default model with one embedding broken: puzzles that show this digit get a clear error, and those beside them the answer they always get."""

from collections.abc import Iterator

import httpx
import pytest

from app.model.store import ModelStore
from tests.e2e.puzzles import easy
from tests.e2e.serving import STORE, Json, Server, body
from tests.support.poison import put_poisoned_copy

DIGIT = 9


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("store")
    put_poisoned_copy(root, ModelStore(STORE).entries["sudoku"], DIGIT)
    with Server(model_store=root, workers=1) as started:
        yield started


def request(grid: str, **options: object) -> Json:
    """One attempt, since the copies of further ones show every digit."""
    return body(grid, **{"attempts": 1, "cache": "bypass", **options})


def essence(response: httpx.Response) -> tuple[object, ...]:
    assert response.status_code == 200, response.text
    return tuple(response.json()[name] for name in ("solution", "steps", "halt_reason", "verified", "status"))


async def test_puzzles_beside_a_poisoned_one_are_answered_as_without_it(server: Server) -> None:
    shown = [question for question, _ in easy(9, 12)]
    clean = [question.replace(str(DIGIT), ".") for question in shown]
    assert all(str(DIGIT) in question for question in shown)
    without = [essence(each) for each in await server.solve_all(map(request, clean))]
    assert [each[-1] for each in without].count("solved") > 9, "without its nines not every one has a single answer"
    responses = await server.solve_all(map(request, [grid for pair in zip(clean, shown, strict=True) for grid in pair]))
    assert [essence(each) for each in responses[::2]] == without
    for failed in responses[1::2]:
        assert (failed.status_code, failed.headers["content-type"]) == (503, "application/problem+json")
        assert int(failed.headers["retry-after"]) >= 1
        problem = failed.json()
        assert (problem["type"], problem["title"]) == ("/problems/step-failed", "The model failed on this puzzle")
        assert problem["detail"] == "step 1 of attempt 1 gave numbers that are not finite"
    assert server.metric("trm_step_faults_total", model="sudoku", kind="not_finite") == 12
    assert server.metric("trm_step_faults_total", kind="raised") == 0
    assert server.metric("trm_requests_finished_total", model="sudoku", outcome="failed") == 12
    assert server.metric("trm_requests_rejected_total", reason="step-failed") == 12
    assert server.metric("trm_worker_restarts_total") == 0
    line = server.heard("step failed")
    assert (line["level"], line["model"], line["detail"], line["cause"]) == ("WARNING", "sudoku", problem["detail"], "q [nan, nan]")


def test_the_error_is_not_remembered(server: Server) -> None:
    question = easy(9, 12)[0][0]
    before = server.metric("trm_step_faults_total")
    for count in (1, 2):
        assert server.solve(question, attempts=1).status_code == 503
        assert server.metric("trm_step_faults_total") == before + count
