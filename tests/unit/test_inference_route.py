"""`/v2` over a fake pool: grids as tensors of every family, the protocol's errors, and the same door as for everybody."""

import pytest

from app.api.grids import solutions
from app.api.schemas import SolveOut
from app.errors import QueueFull, StepFailed
from app.model.store import ModelStore
from app.solver import Solver
from tests.support.answers import KEEP
from tests.support.clients import client_of
from tests.support.grids import ANSWERS, QUESTIONS, rows
from tests.support.pools import failing, unsolved
from tests.support.services import services_of
from tests.support.stores import put_maze

MAZE = ["S #  ", "# # #", "     ", " ### ", "   #G"]


def asked(*grids: object, **parameters: object) -> dict[str, object]:
    data = [rows(grid) for grid in grids]
    return {"id": "7", "inputs": [{"name": "grid", "datatype": "INT32", "shape": [len(grids), 9, 9], "data": data}], "parameters": parameters}


@pytest.fixture
async def client(services):
    async with client_of(services, max_body_bytes=20_000) as client:
        yield client


async def infer(client, document, name: str = "nine"):
    return await client.post(f"/v2/models/{name}/infer", json=document)


async def test_a_sudoku_in_is_its_answer_out(client) -> None:
    found = (await infer(client, asked(QUESTIONS[9]))).json()
    outputs = {each["name"]: each["data"] for each in found["outputs"]}
    assert (found["id"], found["model_name"]) == ("7", "nine")
    assert outputs["solution"] == [int(digit) for digit in ANSWERS[9]]
    assert (outputs["status"], outputs["verified"], outputs["halt_reason"]) == (["solved"], [True], ["verified"])


async def test_one_puzzle_goes_before_several(client, pool) -> None:
    await infer(client, asked(QUESTIONS[9], cache="bypass"))
    await infer(client, asked(QUESTIONS[9], ANSWERS[9], cache="bypass"))
    assert [request.bulk for _, request in pool.calls] == [False, True, True]


async def test_metadata_are_those_of_the_model(client) -> None:
    described = (await client.get("/v2/models/four")).json()
    assert described["inputs"] == [{"name": "grid", "datatype": "INT32", "shape": [-1, 4, 4]}]
    assert {each["name"] for each in described["outputs"]} == {
        "solution", "status", "verified", "steps", "attempts", "halt_reason", "halt_probability"
    }  # fmt: skip


async def test_a_familys_name_serves_its_default_model_under_its_own_name(client) -> None:
    assert (await client.get("/v2/models/sudoku")).json()["name"] == "nine"
    assert (await infer(client, asked(QUESTIONS[9]), "sudoku")).json()["model_name"] == "nine"
    assert (await client.get("/v1/models/sudoku")).json()["name"] == "nine"


@pytest.mark.parametrize(("error", "status"), [(QueueFull("full", retry_after=9), 503), (StepFailed("failed"), 503)], ids=["at the door", "on the way"])
@pytest.mark.parametrize("count", [1, 2])
async def test_what_fails_of_it_fails_all_of_it(client, pool, counted, error, status, count) -> None:
    pool.answer = failing(error)
    response = await infer(client, asked(*[QUESTIONS[9], ANSWERS[9]][:count], cache="bypass"))
    assert (response.status_code, response.json()) == (status, {"error": error.detail})
    assert response.headers["retry-after"] == str(error.retry_after)
    assert counted("trm_requests_rejected_total", reason=error.type) == 1


@pytest.mark.parametrize(("document", "status"), [(asked(*[QUESTIONS[9]] * 21), 422), ({}, 422)])
async def test_limits_are_those_of_the_other_routes(client, document, status) -> None:
    """The services of these tests take batches of 20."""
    response = await infer(client, document)
    assert (response.status_code, list(response.json())) == (status, ["error"])


async def test_a_large_body_is_refused_in_the_protocols_form(client) -> None:
    response = await client.post("/v2/models/nine/infer", content=b" " * 30_000)
    assert (response.status_code, list(response.json())) == (413, ["error"])


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v2/nowhere", 404), ("GET", "/v2/models/nine/infer", 405), ("GET", "/v2/models/ten", 404)])
async def test_so_is_everything_that_is_refused_below_its_address(client, method, path, status) -> None:
    response = await client.request(method, path)
    assert (response.status_code, list(response.json())) == (status, ["error"])


async def test_a_draining_service_is_live_and_not_ready(client, solver) -> None:
    solver.draining = True
    paths = ("/v2/health/live", "/v2/health/ready", "/v2/models/nine/ready", "/v2/models/ten/ready")
    assert [(await client.get(path)).status_code for path in paths] == [200, 503, 503, 404]
    assert (await infer(client, asked(QUESTIONS[9]))).status_code == 503


async def test_mazes_are_rows_of_text_of_any_width(solver, pool, tmp_path) -> None:
    put_maze(tmp_path / "mazes", "maze", 10, 10, "local")
    store, wide = ModelStore(tmp_path / "mazes"), [f"{row}  " for row in MAZE]
    pool.answer = unsolved  # the maze as it came
    mazes = Solver(solver.families, store, pool, solver.cache, solver.metrics, KEEP)
    async with client_of(services_of(mazes, pool, store)) as client:
        document = {"inputs": [{"name": "grid", "datatype": "BYTES", "shape": [2, 5], "data": [MAZE, wide]}]}
        outputs = {each["name"]: each for each in (await infer(client, document, "maze")).json()["outputs"]}
        empty = await infer(client, {"inputs": [{"name": "grid", "datatype": "BYTES", "shape": [1, 0], "data": []}]}, "maze")
    assert (empty.status_code, empty.json()) == (422, {"error": "there is no grid"})
    assert outputs["solution"] == {"name": "solution", "datatype": "BYTES", "shape": [2, 5], "data": MAZE + wide}
    assert (outputs["verified"]["data"], outputs["optimal"]["data"], outputs["status"]["data"]) == ([False] * 2, [False] * 2, ["unsolved"] * 2)


def test_solutions_of_several_sizes_stand_at_the_upper_left_of_the_largest() -> None:
    answers = [SolveOut.model_construct(solution=grid) for grid in ([[1, 2]], [[3], [4]], [])]
    tensor = solutions(answers, text=False)
    assert (tensor.shape, tensor.values) == ((3, 2, 2), [1, 2, -1, -1, 3, -1, 4, -1, -1, -1, -1, -1])
