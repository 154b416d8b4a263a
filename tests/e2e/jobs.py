"""Jobs as a client hands them over and fetches them."""

import json
import time
from collections import Counter
from collections.abc import Iterable

import httpx

from tests.e2e.puzzles import easy
from tests.e2e.serving import Json, Server, until

NDJSON = {"content-type": "application/x-ndjson"}
PUZZLES = [question for question, _ in easy(4, 12)]
FAST = {"workers": 1, "models": '["sudoku-4x4"]', "jobs_lease_seconds": 2, "drain_seconds": 0}
"""Settings of a server that starts quickly, and whose puzzles soon go to others when it dies."""
SLOW = {"cache": "bypass", "halt": "never", "max_steps": 8, "attempts": 1}
"""Options with which every puzzle takes its time."""


def lines(count: int, grids: Iterable[str] = PUZZLES) -> bytes:
    """So many Sudokus, a line each."""
    known = list(grids)
    return b"".join(json.dumps({"type": "sudoku", "grid": known[index % len(known)]}).encode() + b"\n" for index in range(count))


def post_job(server: Server, content: bytes, key: str = "", **query: object) -> httpx.Response:
    return server.client.post(
        "/v1/jobs", content=content, params={name: str(value) for name, value in query.items()}, headers={**NDJSON, "idempotency-key": key}
    )


def submit(server: Server, count: int, **query: object) -> Json:
    """A job that must be taken."""
    response = post_job(server, lines(count), **query)
    assert response.status_code == 202, response.text
    return dict(response.json())


def long_job(server: Server, seconds: float = 5.0) -> Json:
    """A job that takes about so long, whichever the machine."""
    started = time.monotonic()
    exact(server, submit(server, 100, **SLOW))
    return submit(server, max(200, round(100 * seconds / (time.monotonic() - started))), **SLOW)


def job_of(server: Server, job: Json) -> Json:
    response = server.client.get(f"/v1/jobs/{job['id']}")
    assert response.status_code == 200, response.text
    return dict(response.json())


def results_of(server: Server, job: Json, after: int = 0) -> list[Json]:
    response = server.client.get(f"/v1/jobs/{job['id']}/results", params={"after": after})
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]


def under_way(server: Server, job: Json, least: int = 20) -> None:
    """Wait until so many puzzles have their result, and make sure that others have not."""
    until(lambda: job["counts"]["total"] - job_of(server, job)["counts"]["pending"] >= least, f"{least} puzzles of the job are done")
    assert job_of(server, job)["counts"]["pending"] > 0, "it is done already: the test has come too late"


def exact(server: Server, job: Json, status: str = "completed") -> list[Json]:
    """The results of a job, which must end like this: each puzzle once, and every count as the results say."""
    until(lambda: job_of(server, job)["ended_at"], "the job has ended")
    now, found = job_of(server, job), results_of(server, job)
    assert now["status"] == status
    assert sorted(each["index"] for each in found) == list(range(job["counts"]["total"]))
    kinds = Counter(each["status"] if each["status"] in ("solved", "unsolved") else "failed" for each in found)
    counts = {"total": len(found), "pending": 0, **{kind: kinds[kind] for kind in ("solved", "unsolved", "failed")}}
    assert now["counts"] == counts
    return found
