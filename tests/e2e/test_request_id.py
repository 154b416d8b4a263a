"""Every response carries `X-Request-ID`: the client's where it is a decent one, else a fresh one."""

import pytest

from tests.e2e.puzzles import NEWSPAPER
from tests.e2e.serving import Server, body


def test_a_given_id_is_echoed_and_is_the_answers_id(server: Server) -> None:
    response = server.client.post("/v1/solve", json=body(NEWSPAPER), headers={"X-Request-ID": "order-66.a_b"})
    assert response.headers["x-request-id"] == "order-66.a_b"
    assert response.json()["id"] == "order-66.a_b"


def test_without_one_each_response_has_a_fresh_id(server: Server) -> None:
    ids = [server.solve(NEWSPAPER).headers["x-request-id"] for _ in range(2)]
    assert ids[0] != ids[1]
    assert all(len(each) >= 16 for each in ids)


@pytest.mark.parametrize("given", ["with space", "x" * 129, 'quote"', "", "a\\b"])
def test_an_id_that_could_harm_a_log_is_replaced(server: Server, given: str) -> None:
    response = server.client.get("/healthz", headers={"X-Request-ID": given})
    assert response.headers["x-request-id"] not in (given, "")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/v1/models", "/docs", "/openapi.json", "/nowhere"])
def test_every_address_has_it(server: Server, path: str) -> None:
    assert server.client.get(path, headers={"X-Request-ID": "mine"}).headers["x-request-id"] == "mine"


def test_the_log_names_it(server: Server) -> None:
    server.client.get("/healthz", headers={"X-Request-ID": "look-for-me"})
    with server.news:
        assert server.news.wait_for(lambda: any(line.get("request_id") == "look-for-me" for line in server.log), 30)
