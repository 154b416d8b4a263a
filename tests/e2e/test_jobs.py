"""Jobs over the real server, in memory and on Redis, with `trm jobs` and `trm worker`."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.jobs import FAST, NDJSON, PUZZLES, SLOW, exact, job_of, lines, long_job, post_job, results_of, submit, under_way
from tests.e2e.problems import refused
from tests.e2e.puzzles import NEWSPAPER, easy
from tests.e2e.serving import TRM, Json, Server, Worker, environment, until
from tests.e2e.terminal import trm
from tests.support.redis_servers import RedisServer


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer(maxmemory_policy="noeviction") as server:
        yield server


@pytest.fixture(scope="module", params=["memory", "redis"])
def server(request: pytest.FixtureRequest, redis: RedisServer) -> Iterator[Server]:
    with Server(**FAST | ({"jobs_redis_url": redis.url} if request.param == "redis" else {})) as server:
        yield server


def test_every_puzzle_of_a_job_is_answered_right(server: Server) -> None:
    known = easy(4, 12)
    job = submit(server, 600)
    found = {each["index"]: each for each in exact(server, job)}
    assert [found[index]["solution"] for index in range(600)] == [known[index % 12][1] for index in range(600)]
    assert {each["verified"] for each in found.values()} == {True}
    assert found[7]["id"] == f"{job['id']}-7"


def test_results_can_be_read_while_it_runs_and_on_from_where_one_was(server: Server) -> None:
    job, found = long_job(server), list[Json]()
    while not job_of(server, job)["ended_at"]:
        found += results_of(server, job, len(found))
    found += results_of(server, job, len(found))
    assert found == exact(server, job)


def test_single_puzzles_go_before_a_job(server: Server) -> None:
    job = long_job(server)
    under_way(server, job)
    for _ in range(5):
        assert server.answer(PUZZLES[0], cache="bypass")["verified"]
    assert job_of(server, job)["counts"]["pending"] > 0
    exact(server, job)


def test_jobs_take_turns(server: Server) -> None:
    long, short = long_job(server), submit(server, 30, **SLOW)
    exact(server, short)
    assert job_of(server, long)["counts"]["pending"] > 0
    exact(server, long)


def test_a_cancelled_job_ends_at_once_and_keeps_what_it_has(server: Server) -> None:
    job = long_job(server)
    under_way(server, job)
    now = server.client.delete(f"/v1/jobs/{job['id']}").json()
    assert (now["status"], now["counts"]["pending"] > 0) == ("cancelled", True)
    server.until("trm_jobs_held", lambda value: value == 0)
    assert job_of(server, job) == now
    assert len(results_of(server, job)) == now["counts"]["total"] - now["counts"]["pending"]


def test_bad_lines_refuse_a_job_or_are_its_results(server: Server) -> None:
    content = lines(300) + b"nonsense\n" + lines(300)
    problem = refused(post_job(server, content), 422, "line 301")
    assert problem["errors"][0]["pointer"] == "/301"
    response = post_job(server, content, on_error="continue")
    found = exact(server, response.json())
    assert [each["index"] for each in found if each["status"] == 422] == [300]


def test_a_client_that_leaves_in_the_middle_leaves_nothing(server: Server, redis: RedisServer) -> None:
    keys = redis.ask("DBSIZE")

    def half() -> Iterator[bytes]:
        yield lines(2000)
        raise ConnectionError("gone")

    before = server.metric("trm_jobs_created_total")
    for _ in range(3):
        with pytest.raises(ConnectionError):
            server.client.post("/v1/jobs", content=half(), headers=NDJSON)
    until(lambda: server.metric("trm_http_requests_total", route="/v1/jobs", code="499") >= 3, "the server has noticed")
    assert (server.metric("trm_jobs_created_total"), redis.ask("DBSIZE")) == (before, keys)
    exact(server, submit(server, 10))


def test_other_media_types_and_unknown_jobs_are_refused(server: Server) -> None:
    refused(server.client.post("/v1/jobs", content=b"x"), 415, "application/x-ndjson")
    refused(server.client.get(f"/v1/jobs/{'0' * 32}"), 404)
    refused(server.client.post("/v1/jobs", json={"puzzles": [{"type": "sudoku", "grid": NEWSPAPER}]}), 404, "9x9")


def test_from_a_terminal(server: Server, tmp_path: Path) -> None:
    puzzles, output = tmp_path / "puzzles.ndjson", tmp_path / "results.ndjson"
    puzzles.write_bytes(lines(1000))
    sent = [trm("jobs", "--server", server.url, "submit", puzzles, "--set", "cache=bypass") for _ in range(2)]
    assert [ran.returncode for ran in sent] == [0, 0], sent[0].stderr
    job = sent[0].stdout.strip()
    assert sent[1].stdout.strip() == job, "the same again is the same job"
    assert trm("jobs", "--server", server.url, "submit", puzzles, "--set", "cache=bypass", "--again").stdout.strip() != job
    assert trm("jobs", "--server", server.url, "status", job, "--wait").returncode == 0
    everything = trm("jobs", "--server", server.url, "results", job).stdout
    assert sorted(json.loads(line)["index"] for line in everything.splitlines()) == list(range(1000))
    output.write_text("".join(everything.splitlines(keepends=True)[:300]) + '{"index":')
    assert trm("jobs", "--server", server.url, "results", job, "--output", output).returncode == 0
    assert output.read_text() == everything
    assert json.loads(trm("jobs", "--server", server.url, "status", job).stdout)["counts"]["solved"] == 1000
    assert json.loads(trm("jobs", "--server", server.url, "cancel", job).stdout)["status"] == "completed"


def test_results_so_far_are_written_without_waiting_for_the_others(server: Server, tmp_path: Path) -> None:
    job, output = long_job(server), tmp_path / "results.ndjson"
    under_way(server, job)
    ran = trm("jobs", "--server", server.url, "results", job["id"], "--output", output)
    assert job_of(server, job)["counts"]["pending"] > 0, "it has waited"
    assert (ran.returncode, ran.stderr) == (1, "")
    assert trm("jobs", "--server", server.url, "results", job["id"], "--output", output, "--wait").returncode == 0
    assert [json.loads(line) for line in output.read_text().splitlines()] == exact(server, job)


def test_a_reader_that_has_enough_and_a_disk_that_is_full_end_it_at_once(server: Server, tmp_path: Path) -> None:
    job = submit(server, 1000)
    exact(server, job)
    command, output = f"{TRM} jobs --server {server.url} results {job['id']}", tmp_path / "results.ndjson"

    def run(script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", "-c", script], env=environment(), capture_output=True, text=True, timeout=60, check=False)

    ran = run(f"{command} | head -n 1; exit ${{PIPESTATUS[0]}}")
    assert (ran.returncode, ran.stdout.count("\n"), ran.stderr) == (141, 1, "")
    ran = run(f"ulimit -f 8; {command} --output {output}")
    assert (ran.returncode, ran.stderr) == (1, f"trm: {output} cannot be written: File too large\n")
    ran = run(f"{command} --output /nowhere/results")
    assert (ran.returncode, ran.stderr) == (1, "trm: /nowhere/results cannot be written: No such file or directory\n")
    assert run(f"{command} --output {output}").returncode == 0
    assert [json.loads(line) for line in output.read_text().splitlines()] == exact(server, job)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["status", "0" * 32], "no such job"),
        (["results", "x/../y"], "nothing at this address"),
        (["submit", "/nowhere"], "/nowhere"),
        (["submit", "{file}"], "line 1"),
        (["submit", "{file}", "--set", "steps=3"], "/steps"),
    ],
)
def test_a_terminal_is_told_in_one_sentence_what_is_wrong(server: Server, tmp_path: Path, arguments: list[str], words: str) -> None:
    (tmp_path / "bad").write_text("bad\n")
    ran = trm("jobs", "--server", server.url, *(each.format(file=tmp_path / "bad") for each in arguments))
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert words in ran.stderr


def test_a_large_file_that_is_refused_at_its_beginning_has_the_reason_told(server: Server, tmp_path: Path) -> None:
    (tmp_path / "puzzles").write_bytes(lines(100_000))
    ran = trm("jobs", "--server", server.url, "submit", tmp_path / "puzzles", "--set", "model=nobody")
    assert (ran.returncode, ran.stderr) == (1, "trm: line 1: no model is called 'nobody' here; there are: sudoku-4x4\n")


def test_a_worker_works_on_jobs_and_answers_to_operators_only() -> None:
    with (
        RedisServer(maxmemory_policy="noeviction") as redis,  # its own, on which no other server of this file works
        Server(**FAST, jobs_redis_url=redis.url) as server,
        Worker(**FAST, jobs_redis_url=redis.url) as worker,
    ):
        job = long_job(server)
        assert [worker.client.get(path).status_code for path in ("/healthz", "/readyz", "/v1/models", f"/v1/jobs/{job['id']}")] == [200, 200, 404, 404]
        assert worker.solve(PUZZLES[0]).status_code == 404
        exact(server, job)
        both = (server, worker)
        until(lambda: sum(each.metric("trm_jobs_puzzles_total") for each in both) == 100 + job["counts"]["total"], "both have counted what they did")
        assert min(each.metric("trm_jobs_puzzles_total", outcome="solved") for each in both) > 0
        until(lambda: sum(each.metric("trm_jobs_finished_total") for each in both) == 2, "the ends of both jobs are counted")
        for each in (server, worker):
            each.until("trm_jobs_pending", lambda value: value == 0)
            assert (each.metric("trm_jobs_held"), each.metric("trm_jobs_redelivered_total"), each.metric("trm_jobs_dead_letters_total")) == (0, 0, 0)


def test_a_worker_needs_a_redis() -> None:
    ran = trm("worker")
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1)
    assert "TRM_JOBS_REDIS_URL" in ran.stderr


def test_progress_is_drawn_where_somebody_looks(redis: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "puzzles").write_bytes(lines(50))
    with Server(**FAST, jobs_redis_url=redis.url) as server:
        command = f"{TRM} jobs --server {server.url} submit {tmp_path}/puzzles --wait"
        ran = subprocess.run(["script", "-qec", command, "/dev/null"], env=environment(), capture_output=True, text=True, timeout=120, check=True)
        assert "100% 50 solved, 0 unsolved, 0 failed, 0 pending (completed)" in ran.stdout
        server.signal(signal.SIGTERM)
        assert server.ended() == 0
