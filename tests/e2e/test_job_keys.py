"""Jobs of clients with keys: each sees its own, and has no more open than its key allows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.access.keys import new
from tests.e2e.jobs import FAST, PUZZLES, SLOW, lines
from tests.e2e.problems import refused
from tests.e2e.serving import Server
from tests.e2e.terminal import trm

ALICE, BOB, CAROL = new("alice", ":1"), new("bob"), new("carol", "1/1")


def by(client: tuple[str, str]) -> dict[str, str]:
    return {"x-api-key": client[0]}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(**FAST, api_keys=f"{ALICE[1]},{BOB[1]},{CAROL[1]}") as server:
        yield server


def test_a_key_sees_its_own_jobs_and_has_no_more_open_than_it_may(server: Server) -> None:
    puzzles = [{"type": "sudoku", "grid": PUZZLES[index % len(PUZZLES)]} for index in range(2000)]
    document = {"puzzles": puzzles, "options": SLOW}
    assert server.client.post("/v1/jobs", json=document).status_code == 401
    made = server.client.post("/v1/jobs", json=document, headers=by(ALICE))
    assert made.status_code == 202
    refused(server.client.post("/v1/jobs", json=document, headers=by(ALICE)), 429)
    assert [server.client.post("/v1/jobs", json=document, headers=by(BOB)).status_code for _ in range(2)] == [202, 202]
    job = made.headers["location"]
    assert [server.client.get(job, headers=headers).status_code for headers in (by(ALICE), by(BOB), {})] == [200, 404, 401]
    assert server.client.delete(job, headers=by(BOB)).status_code == 404
    assert server.client.delete(job, headers=by(ALICE)).status_code < 300


def test_from_a_terminal_a_job_is_watched_as_often_as_the_key_allows(server: Server, tmp_path: Path) -> None:
    (tmp_path / "puzzles").write_bytes(lines(20))
    ran = trm("jobs", "--server", server.url, "submit", tmp_path / "puzzles", "--wait", api_key=CAROL[0])
    assert (ran.returncode, ran.stderr) == (0, "")
    ran = trm("jobs", "--server", server.url, "results", ran.stdout.strip(), api_key=CAROL[0])
    assert (ran.returncode, ran.stdout.count("\n")) == (0, 20)
    assert server.metric("trm_client_requests_total", client="carol", outcome="limited") > 0
