"""A real server that asks for keys: who comes in, who does not, and that no key is ever told to anybody."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.access.keys import new
from tests.e2e.puzzles import ANSWER, NEWSPAPER
from tests.e2e.serving import Server, body, until
from tests.e2e.terminal import trm
from tests.support.redis_servers import RedisServer

ALICE, BOB, SLOW = new("alice"), new("bob", ":1"), new("slow", "0.5/3")
WRONG = new("stranger")[0]


def by(client: tuple[str, str] | str) -> dict[str, str]:
    return {"authorization": f"Bearer {client if isinstance(client, str) else client[0]}"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Chatty, with two keys in its environment and one in a file."""
    file: Path = tmp_path_factory.mktemp("secrets") / "keys"
    file.write_text(f"# mounted\n{SLOW[1]}\n")
    with Server(api_keys=f"{ALICE[1]},{BOB[1]}", api_keys_file=file, log_level="debug") as server:
        yield server


def test_with_a_key_everything_is_as_ever(server: Server) -> None:
    for headers in (by(ALICE), {"x-api-key": BOB[0]}):
        response = server.client.post("/v1/solve", json=body(NEWSPAPER), headers=headers)
        assert (response.status_code, response.json()["solution"]) == (200, ANSWER)


@pytest.mark.parametrize("path", ["/v1/solve", "/v1/solve/batch", "/v1/solve/stream"])
def test_without_and_with_a_wrong_one_nothing_is(server: Server, path: str) -> None:
    missing, wrong = (server.client.post(path, json=body(NEWSPAPER), headers=headers) for headers in ({}, by(WRONG)))
    assert (missing.status_code, missing.headers["www-authenticate"]) == (401, 'Bearer realm="trm"')
    assert wrong.status_code == 403
    assert {response.headers["content-type"] for response in (missing, wrong)} == {"application/problem+json"}


def test_a_large_body_without_a_key_is_refused_and_the_connection_goes_on(server: Server) -> None:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        assert client.post("/v1/solve/batch", content=b" " * (8 << 20)).status_code == 401
        assert client.post("/v1/solve", content=iter([b" " * 65536] * 100)).status_code == 401
        assert client.get("/v1/models", headers=by(ALICE)).status_code == 200


def test_over_its_rate_a_client_is_told_when_to_come_back(server: Server) -> None:
    statuses = [server.client.get("/v1/models", headers=by(SLOW)) for _ in range(5)]
    assert [response.status_code for response in statuses][:3] == [200] * 3
    refused = statuses[-1]
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/rate-limited")
    time.sleep(int(refused.headers["retry-after"]))
    assert server.client.get("/v1/models", headers=by(SLOW)).status_code == 200
    assert server.client.get("/v1/models", headers=by(ALICE)).status_code == 200
    assert server.metric("trm_client_requests_total", client="slow", outcome="limited") >= 1


def test_health_metrics_and_pages_need_no_key(server: Server) -> None:
    assert [server.client.get(path).status_code for path in ("/healthz", "/readyz", "/metrics", "/docs", "/openapi.json")] == [200] * 5


def test_every_response_keeps_browsers_careful(server: Server) -> None:
    for response in (server.client.get("/healthz"), server.client.post("/v1/solve"), server.client.get("/nowhere")):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["content-security-policy"] == "frame-ancestors 'none'"


def test_no_key_is_in_a_log_a_metric_or_an_error(server: Server) -> None:
    """Keys in every place where a client may put one, each with a mistake that makes the server speak of it."""
    told = []
    for key in (ALICE[0], WRONG):
        for headers in (by(key), {"x-api-key": key}, {"authorization": f"Basic {key}"}, {"authorization": key}, {"x-api-key": f"{key}é".encode()}):
            for method, path, content in (("POST", "/v1/solve", b"{"), ("GET", "/v1/models/nobody", None), ("PUT", "/v1/solve", None), ("GET", "/", None)):
                told.append(server.client.request(method, path, content=content, headers=headers))
    told.append(server.client.get("/metrics"))
    server.heard("request")
    until(lambda: sum(line["message"] == "request" for line in server.log) > len(told), "all of it is logged")
    heard = str([(response.headers, response.text) for response in told]) + str(server.log) + str(server.noise)
    for secret in (ALICE[0], BOB[0], SLOW[0], WRONG):
        assert secret not in heard
        assert secret[4:] not in heard
    for _, entry in (ALICE, BOB, SLOW):
        assert entry.split(":")[1] not in heard
    assert any(line.get("client") == "alice" for line in server.log), "but its name is"


def test_servers_share_what_a_client_may_send() -> None:
    with RedisServer() as redis:
        settings = {"redis_url": redis.url, "redis_timeout_seconds": 10, "api_keys": SLOW[1].replace("0.5/3", "0.001/6")}
        with Server(**settings) as one, Server(**settings) as other:
            statuses = [server.client.get("/v1/models", headers=by(SLOW)).status_code for _ in range(5) for server in (one, other)]
            assert statuses == [200] * 6 + [429] * 4
            redis.kill()
            assert one.client.get("/v1/models", headers=by(SLOW)).status_code == 200, "it has let in three of the six itself"
            assert one.client.get("/healthz").status_code == 200


def test_without_keys_it_says_so_and_serves() -> None:
    with Server() as server:
        assert server.heard("no API keys are configured")["level"] == "INFO"
        assert server.answer(NEWSPAPER)["verified"]


def test_operations_may_have_a_port_of_their_own() -> None:
    with Server(metrics_port=0, api_keys=ALICE[1]) as server:
        url = f"http://127.0.0.1:{server.heard('operations are served')['port']}"
        with httpx.Client(base_url=url, trust_env=False) as operator:
            assert [operator.get(path).status_code for path in ("/healthz", "/readyz", "/metrics")] == [200] * 3
            assert [operator.get(path).status_code for path in ("/v1/models", "/docs", "/openapi.json")] == [404] * 3
            assert 'trm_worker_up{device="cpu",worker="0"} 1.0' in operator.get("/metrics").text
        assert [server.client.get(path).status_code for path in ("/healthz", "/readyz", "/metrics")] == [404] * 3
        assert server.client.get("/v1/models", headers=by(ALICE)).status_code == 200
    assert server.process.returncode == 0


def test_a_port_that_is_taken_ends_the_start_with_a_sentence(server: Server) -> None:
    ran = trm("serve", port=0, metrics_port=int(server.url.rpartition(":")[2]))
    assert ran.returncode == 1
    assert "TRM_METRICS_PORT" in ran.stderr


@pytest.mark.parametrize("keys", ["trm_secret", "alice:trm_secret", f"{ALICE[1]},{ALICE[1]}"])
def test_keys_that_cannot_be_right_end_the_start_and_are_not_quoted(keys: str) -> None:
    ran = trm("serve", api_keys=keys)
    assert ran.returncode == 1
    assert len(ran.stderr.strip().splitlines()) == 1
    assert "api_keys" in ran.stderr
    assert "secret" not in ran.stderr


def test_a_key_is_made_on_the_command_line_and_works() -> None:
    ran = trm("keys", "new", "carol", "--limits", "5/10:2")
    assert ran.returncode == 0
    key, entry = (line.split()[1] for line in ran.stdout.splitlines())
    with Server(api_keys=entry) as server:
        assert server.client.get("/v1/models", headers=by(key)).status_code == 200
