"""The Open Inference Protocol v2, spoken by the public Triton client to the real server, in binary and in JSON."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from tests.e2e.endless import RUNNING, endless, idle
from tests.e2e.problems import ask
from tests.e2e.puzzles import ANSWER, IMPOSSIBLE, NEWSPAPER, distinct, easy, rows
from tests.e2e.serving import MODELS, Json, Server

MAZE = ["S #  ", "# # #", "     ", " ### ", "   #G"]
WAY = ["So#  ", "#o# #", " oooo", " ###o", "   #G"]
GRIDS = np.array([rows(NEWSPAPER)], dtype=np.int32)


@pytest.fixture
def client(server: Server) -> Iterator[triton.InferenceServerClient]:
    client = triton.InferenceServerClient(server.url.removeprefix("http://"))
    yield client
    client.close()


def tensor(name: str, array: np.ndarray, datatype: str, binary: bool = True) -> triton.InferInput:
    given = triton.InferInput(name, array.shape, datatype)
    given.set_data_from_numpy(array, binary_data=binary)
    return given


def texts(*values: object) -> np.ndarray:
    return np.array(values, dtype=np.object_)


def decoded(array: np.ndarray) -> list[Any]:
    """The elements of a BYTES tensor, which come as bytes from binary data and as text from JSON."""
    return np.vectorize(lambda value: value.decode() if isinstance(value, bytes) else value, otypes=[object])(array).tolist()


def post(server: Server, name: str, document: Json) -> Json:
    response = server.client.post(f"/v2/models/{name}/infer", json=document)
    return {"status": response.status_code, **response.json()}


def test_the_server_is_live_ready_and_says_what_it_is(client) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]


@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_ready_and_described(client, model: str) -> None:
    assert client.is_model_ready(model)
    described = client.get_model_metadata(model)
    assert described["name"] == model
    assert described["inputs"][0]["name"] == "grid"
    assert "solution" in [each["name"] for each in described["outputs"]]


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "JSON"])
def test_a_sudoku_is_solved_and_verified(client, binary: bool) -> None:
    names = ("solution", "status", "verified", "steps", "halt_reason", "halt_probability")
    outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in names]
    result = client.infer("sudoku", [tensor("grid", GRIDS, "INT32", binary)], outputs=outputs, request_id="seven", parameters={"cache": "bypass"})
    assert result.as_numpy("solution").tolist() == [rows(ANSWER)]
    assert (decoded(result.as_numpy("status")), result.as_numpy("verified").tolist()) == (["solved"], [True])
    assert decoded(result.as_numpy("halt_reason")) == ["verified"]
    assert 0 < result.as_numpy("halt_probability")[0] <= 1
    assert result.as_numpy("steps")[0] >= 1
    assert result.get_response()["id"] == "seven"


@pytest.mark.parametrize("datatype", ["INT8", "UINT8", "INT16", "INT64", "UINT64"])
def test_integers_of_any_kind_will_do(client, datatype: str) -> None:
    grids = GRIDS.astype(datatype.lower())
    assert client.infer("sudoku", [tensor("grid", grids, datatype)]).as_numpy("solution").tolist() == [rows(ANSWER)]


@pytest.mark.parametrize("model", ["sudoku-4x4", "sudoku-6x6"])
def test_many_puzzles_are_answered_in_order(client, model: str) -> None:
    pairs = easy(4 if "4" in model else 6)
    result = client.infer(model, [tensor("grid", np.array([rows(question) for question, _ in pairs], dtype=np.int32), "INT32")])
    assert result.as_numpy("solution").tolist() == [rows(answer) for _, answer in pairs]
    assert result.as_numpy("verified").all()


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "JSON"])
def test_a_maze_is_rows_of_text(client, binary: bool) -> None:
    outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in ("solution", "optimal")]
    result = client.infer("maze", [tensor("grid", texts(MAZE, MAZE[::-1]), "BYTES", binary)], outputs=outputs)
    assert decoded(result.as_numpy("solution")) == [WAY, WAY[::-1]]
    assert result.as_numpy("optimal").tolist() == [True, True]


def test_an_arc_grid_has_the_id_of_its_task_and_no_verdict(server: Server, client) -> None:
    grid = np.array([[[6, 7, 7, 6], [6, 7, 6, 7], [7, 7, 7, 6], [7, 6, 7, 6]]], dtype=np.int32)
    result = client.infer("arc", [tensor("grid", grid, "INT32"), tensor("puzzle_id", texts("b1948b0a"), "BYTES")])
    plain = server.client.post("/v1/solve", json={"puzzle": {"type": "arc", "grid": grid[0].tolist(), "puzzle_id": "b1948b0a"}}).json()
    assert result.as_numpy("solution").tolist() == [plain["solution"]]
    assert result.as_numpy("verified") is None


def test_it_shares_the_cache_with_the_other_routes(server: Server, client) -> None:
    (puzzle,) = distinct(1, seed=901)
    server.answer(puzzle)
    before = server.metric("trm_cache_requests_total", result="hit")
    client.infer("sudoku", [tensor("grid", np.array([rows(puzzle)]), "INT64")])
    assert server.metric("trm_cache_requests_total", result="hit") == before + 1


def test_options_go_into_the_parameters(client) -> None:
    chosen = {"halt": "never", "max_steps": 3, "attempts": 2, "cache": "bypass"}
    result = client.infer("sudoku", [tensor("grid", np.array([rows(IMPOSSIBLE)]), "INT64")], parameters=chosen)
    assert (result.as_numpy("steps").tolist(), result.as_numpy("verified").tolist()) == ([6], [False])
    assert decoded(result.as_numpy("status")) == ["unsolved"]


@pytest.mark.parametrize(
    ("model", "inputs", "parameters", "status", "words"),
    [
        ("nobody", [tensor("grid", GRIDS, "INT32")], None, 404, "nobody"),
        ("sudoku", [tensor("grid", GRIDS[0], "INT32")], None, 422, r"\[-1, 9, 9\]"),
        ("sudoku", [tensor("grid", GRIDS.astype(np.float32), "FP32")], None, 422, "FP32"),
        ("sudoku", [tensor("grid", GRIDS[:0], "INT32")], None, 422, "no grid"),
        ("sudoku", [tensor("board", GRIDS, "INT32")], None, 422, "board"),
        ("sudoku", [tensor("grid", GRIDS + 9, "INT32")], None, 422, "r1c1"),
        ("sudoku", [tensor("grid", np.stack([GRIDS[0], GRIDS[0] + 9]), "INT32")], None, 422, "puzzles/1"),
        ("sudoku", [tensor("grid", GRIDS, "INT32")], {"max_step": 3}, 422, "max_step"),
        ("sudoku", [tensor("grid", GRIDS, "INT32")], {"max_steps": 100_000}, 422, "max_steps"),
        ("maze", [tensor("grid", texts(["#"] * 5), "BYTES")], None, 422, "rows"),
        ("arc", [tensor("grid", GRIDS, "INT32")], None, 422, "puzzle_id"),
        ("arc", [tensor("grid", GRIDS[:, :4, :4], "INT32"), tensor("puzzle_id", texts("nothing"), "BYTES")], None, 404, "nothing"),
    ],
)
def test_a_refusal_is_in_the_protocols_form(client, model: str, inputs, parameters, status: int, words: str) -> None:
    with pytest.raises(InferenceServerException, match=words) as raised:
        client.infer(model, inputs, parameters=parameters)
    assert raised.value.status() == str(status)


def test_an_output_that_there_is_not_is_refused_by_name(client) -> None:
    with pytest.raises(InferenceServerException, match="nonsense"):
        client.infer("sudoku", [tensor("grid", GRIDS, "INT32")], outputs=[triton.InferRequestedOutput("nonsense")])


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"{", {}),
        (b"[]", {}),
        (b"\xff", {}),
        (b"{}", {"Inference-Header-Content-Length": "3"}),
        (b"{}", {"Inference-Header-Content-Length": "-1"}),
        (b'{"inputs":[{"name":"grid","datatype":"INT32","shape":[1,9,9]}]}', {}),
        (b'{"inputs":[{"name":"grid","datatype":"INT32","shape":[1,9,9],"data":[[1,2],3]}]}', {}),
        (b'{"inputs":[{"name":"grid","datatype":"INT32","shape":[1,1,1],"data":[1.5]}]}', {}),
        (b'{"inputs":[{"name":"grid","datatype":"INT32","shape":[1,1,1],"parameters":{"binary_data_size":4}}]}12', {"Inference-Header-Content-Length": "99"}),
        (b'{"inputs":[{"name":"grid","datatype":"BYTES","shape":[1,1],"parameters":{"binary_data_size":4}}]}\xff\xff\xff\xff', {}),
        (b'{"inputs":[{"name":"grid","datatype":"INT32","shape":[999999,999999,9],"data":[]}]}', {}),
    ],
)
def test_no_body_is_our_fault(server: Server, content: bytes, headers: dict[str, str]) -> None:
    response = server.client.post("/v2/models/sudoku/infer", content=content, headers=headers)
    assert response.status_code == 422
    assert list(response.json()) == ["error"]


def test_a_compressed_body_is_refused(client) -> None:
    with pytest.raises(InferenceServerException, match="compressed") as raised:
        client.infer("sudoku", [tensor("grid", GRIDS, "INT32")], request_compression_algorithm="gzip")
    assert raised.value.status() == "415"


def test_nested_data_is_as_good_as_flat(server: Server) -> None:
    for data in (rows(NEWSPAPER), [rows(NEWSPAPER)], [cell for row in rows(NEWSPAPER) for cell in row]):
        found = post(server, "sudoku", {"inputs": [{"name": "grid", "datatype": "INT32", "shape": [1, 9, 9], "data": data}]})
        assert found["status"] == 200
        assert found["model_version"] == server.client.get("/v1/models/sudoku").json()["version"]
        assert found["outputs"][0]["data"] == [cell for row in rows(ANSWER) for cell in row]


def test_a_full_queue_says_when_to_come_back() -> None:
    with Server(workers=1, slots=1, queue_capacity=1) as server:
        held = []
        while server.metric("trm_requests_waiting") < 1:
            held.append(endless(server))
            server.client.get("/healthz")
        document = {"inputs": [{"name": "grid", "datatype": "INT32", "shape": [1, 9, 9], "data": rows(NEWSPAPER)}], "parameters": {"cache": "bypass"}}
        response = server.client.post("/v2/models/sudoku/infer", json=document)
        assert (response.status_code, list(response.json())) == (503, ["error"])
        assert int(response.headers["retry-after"]) >= 1
        for connection in held:
            connection.close()
        idle(server)


def test_a_client_that_leaves_frees_its_slots(server: Server) -> None:
    grids = np.repeat(np.array([rows(IMPOSSIBLE)]), 3, 0)
    options = {"halt": "never", "max_steps": 256, "attempts": 64, "timeout_ms": 600_000, "cache": "bypass"}
    document = {"inputs": [{"name": "grid", "datatype": "INT64", "shape": list(grids.shape), "data": grids.ravel().tolist()}], "parameters": options}
    with ask(server, document, "/v2/models/sudoku/infer"):
        server.until(RUNNING, lambda value: value == 3)
    idle(server)
