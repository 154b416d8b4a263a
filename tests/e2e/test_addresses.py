"""Addresses and methods that are not there, and models that nobody serves."""

import time
from http.client import HTTPConnection

import pytest

from tests.e2e.problems import pointers, post_escaped, refused
from tests.e2e.puzzles import NEWSPAPER, SUDOKUS, side_of
from tests.e2e.serving import Server, body


@pytest.mark.parametrize("path", ["/nowhere", "/v1", "/v1/solves", "/v1/solve/now", "/%00", "/..%2f..%2fetc/passwd", "/v1/models/a/b"])
def test_an_unknown_address_is_404(server: Server, path: str) -> None:
    for method in ("GET", "POST"):
        assert refused(server.client.request(method, path), 404)["type"] == "/problems/not-found"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/solve"), ("DELETE", "/v1/solve"), ("PUT", "/v1/solve"), ("POST", "/healthz"), ("POST", "/v1/models")]
)
def test_a_wrong_method_is_405_and_told_which_are_right(server: Server, method: str, path: str) -> None:
    response = server.client.request(method, path)
    refused(response, 405, response.headers["allow"])


@pytest.mark.parametrize("model", ["nobody", "SUDOKU", "", " ", "../sudoku", "\0", "\ud800", "sudoku\n", "é", "x" * 65])
def test_an_unknown_model_is_404(server: Server, model: str) -> None:
    assert refused(post_escaped(server, body(NEWSPAPER, model)), 404)["type"] == "/problems/unknown-model"


def test_the_models_that_there_are_get_named(server: Server) -> None:
    refused(server.solve(NEWSPAPER, "nobody"), 404, "nobody", "sudoku")


@pytest.mark.parametrize("name", ["nobody", "%00", "%ff%fe", "..%2fsudoku", "sudoku.", "%ed%a0%80"])
def test_neither_is_an_unknown_model_listed(server: Server, name: str) -> None:
    refused(server.client.get(f"/v1/models/{name}"), 404)


@pytest.mark.parametrize("model", SUDOKUS)
def test_a_model_is_not_given_puzzles_of_another_size(server: Server, model: str) -> None:
    other = next(side for side in (4, 6, 9) if side != side_of(model))
    response = server.solve("." * other * other, model)
    if model == "sudoku" and any(side_of(each) == other for each in SUDOKUS):
        assert response.json()["model"] != model  # that name is also the family's, which serves any size
    else:
        refused(response, 404, model, f"{other}x{other}")


def test_a_query_is_ignored(server: Server) -> None:
    assert server.client.get("/healthz?x=%ff&y=\ud7ff").status_code == 200


def test_a_long_address_is_no_crash(server: Server) -> None:
    assert server.client.get("/" + "a" * 20_000).status_code in (404, 414)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_monitors_that_ask_with_head_are_answered(server: Server, path: str) -> None:
    assert server.client.head(path).status_code == 200


def test_the_documentation_is_counted_under_its_own_address(server: Server) -> None:
    assert server.client.get("/docs").status_code == 200
    assert server.metric("trm_http_requests_total", route="/docs") >= 1


def test_labels_of_metrics_never_come_from_a_client(server: Server) -> None:
    server.client.get("/made/up/by/me")
    server.client.request("PROPFIND", "/v1/solve")
    text = server.client.get("/metrics").text
    assert "made" not in text
    assert "PROPFIND" not in text


def test_pointers_lead_into_the_body(server: Server) -> None:
    assert pointers(refused(server.solve(NEWSPAPER, max_steps=10**6), 422)) == ["/options/max_steps"]


def test_an_idle_connection_stays_open_for_its_next_request(server: Server) -> None:
    connection = HTTPConnection(server.url.removeprefix("http://"))
    connection.connect()
    connection.auto_open = 0
    for pause in (0, 6):  # one that is closed after a few seconds is closed just as a browser or a proxy sends on it
        time.sleep(pause)
        connection.request("GET", "/healthz")
        assert connection.getresponse().read()
    connection.close()
