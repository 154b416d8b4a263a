"""Whatever dies, hangs, forgets or fills up: every puzzle of a job ends exactly once, no count is wrong, and no single puzzle is refused because of Redis."""

import os
import signal
import time

import pytest

from tests.e2e.jobs import FAST, PUZZLES, exact, job_of, lines, long_job, post_job, results_of, submit, under_way
from tests.e2e.problems import refused
from tests.e2e.serving import Json, Server, Worker, until
from tests.support.redis_servers import RedisServer, SentinelServer

KEPT = {"appendonly": "yes", "appendfsync": "always", "maxmemory_policy": "noeviction"}
"""Options of a Redis that keeps jobs."""


def solves(server: Server, count: int = 3) -> None:
    """Whether single puzzles are solved, and the server is well."""
    for grid in PUZZLES[:count]:
        assert server.answer(grid, cache="bypass")["verified"]
    assert [server.client.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]


def refuses_jobs(server: Server, job: Json | None = None) -> None:
    """Whether everything about jobs is refused, for now."""
    name = job["id"] if job else "0" * 32
    responses = [
        post_job(server, lines(3)),
        *(server.client.get(f"/v1/jobs/{name}{more}") for more in ("", "/results")),
        server.client.delete(f"/v1/jobs/{name}"),
    ]
    for response in responses:
        refused(response, 503, "the store of jobs is away")
        assert int(response.headers["retry-after"]) > 0
    assert server.metric("trm_jobs_store_up") == 0


def accepts_jobs(server: Server) -> None:
    """Wait until jobs are accepted, and see one through."""
    until(lambda: post_job(server, lines(1)).status_code == 202, "jobs are accepted")
    exact(server, submit(server, 20))
    server.until("trm_jobs_store_up", lambda value: value == 1)


def test_redis_is_absent_at_the_start_and_comes_later() -> None:
    with RedisServer(**KEPT) as redis:
        redis.kill()
        with Server(**FAST, jobs_redis_url=redis.url) as server:
            solves(server)
            refuses_jobs(server)
            redis.start()
            accepts_jobs(server)


def test_redis_is_killed_in_the_middle_and_comes_back_with_what_it_had() -> None:
    with RedisServer(**KEPT) as redis, Server(**FAST, jobs_redis_url=redis.url) as server:
        job = long_job(server)
        under_way(server, job)
        redis.kill()
        solves(server)
        refuses_jobs(server, job)
        redis.start()
        exact(server, job)
        accepts_jobs(server)


def test_redis_hangs_for_half_a_minute() -> None:
    with RedisServer(**KEPT) as redis, Server(**FAST, jobs_redis_url=redis.url) as server, Worker(**FAST, jobs_redis_url=redis.url) as worker:
        job = long_job(server)
        under_way(server, job)
        with redis.paused():
            end = time.monotonic() + 30
            solves(server)
            refuses_jobs(server, job)
            while time.monotonic() < end:
                solves(server, 1)
                time.sleep(0.2)
        exact(server, job)
        assert worker.metric("trm_jobs_dead_letters_total") == server.metric("trm_jobs_dead_letters_total") == 0
        accepts_jobs(server)


def test_redis_comes_back_empty() -> None:
    with RedisServer(maxmemory_policy="noeviction") as redis, Server(**FAST, jobs_redis_url=redis.url) as server:
        job = long_job(server)
        under_way(server, job)
        redis.kill()
        redis.start()
        solves(server)
        until(lambda: server.client.get(f"/v1/jobs/{job['id']}").status_code == 404, "the job is unknown")
        server.until("trm_jobs_held", lambda value: value == 0)
        accepts_jobs(server)
        server.until("trm_jobs_pending", lambda value: value == 0)  # which is asked of Redis now and then


def test_a_job_that_redis_has_lost_is_made_again_under_its_key() -> None:
    with RedisServer(maxmemory_policy="noeviction") as redis, Server(**FAST, jobs_redis_url=redis.url) as server:
        first, again = (post_job(server, lines(50), key="mine").json() for _ in range(2))
        assert first["id"] == again["id"]
        exact(server, first)
        redis.ask("FLUSHALL")
        job = post_job(server, lines(50), key="mine").json()
        assert job["id"] != first["id"]
        exact(server, job)


def test_a_full_redis_takes_no_job_but_those_it_has_are_finished() -> None:
    with RedisServer(**KEPT) as redis, Server(**FAST, jobs_redis_url=redis.url) as server:
        job = long_job(server)
        under_way(server, job)
        redis.ask("CONFIG", "SET", "maxmemory", "1")
        solves(server)
        for _ in range(3):
            refused(post_job(server, lines(3)), 503, "takes nothing")
        exact(server, job)
        redis.ask("CONFIG", "SET", "maxmemory", "0")
        accepts_jobs(server)


def test_a_wrong_password_closes_jobs_alone_and_is_not_logged() -> None:
    with RedisServer(requirepass="hunter2") as redis:
        with Server(**FAST, jobs_redis_url=redis.url.replace("//", "//:hunter3@"), log_level="debug") as server:
            solves(server)
            refuses_jobs(server)
        assert "hunter" not in str(server.log)
        with Server(**FAST, jobs_redis_url=redis.url.replace("//", "//:hunter2@")) as server:
            accepts_jobs(server)


def test_a_failover_by_sentinel() -> None:
    with RedisServer(**KEPT) as master, RedisServer(**KEPT, replicaof=f"127.0.0.1 {master.port}") as replica, SentinelServer(master) as sentinel:
        until(
            lambda: "num-slaves\n1" in sentinel.ask("SENTINEL", "MASTER", "main") and "master_link_status:up" in replica.ask("INFO", "replication"),
            "the sentinel knows the replica",
        )
        with Server(**FAST, jobs_redis_url=sentinel.url) as server:
            job = long_job(server, 8)
            under_way(server, job)
            master.kill()
            solves(server)
            until(lambda: str(replica.port) in sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"), "the replica has taken over")
            # a sentinel may call the new master down for a moment still, which is a 503
            until(lambda: server.client.get(f"/v1/jobs/{job['id']}").json().get("ended_at"), "the job has ended")
            exact(server, job)
            accepts_jobs(server)


def test_a_worker_is_killed_while_it_holds_puzzles() -> None:
    with RedisServer(**KEPT) as redis, Worker(**FAST, jobs_redis_url=redis.url, slots=64) as worker, Server(**FAST, jobs_redis_url=redis.url) as server:
        job = long_job(server, 8)
        worker.until("trm_jobs_held", lambda value: value >= 50)
        worker.signal(signal.SIGKILL)
        worker.ended()
        exact(server, job)
        assert server.metric("trm_jobs_redelivered_total") >= 25  # some were done before it died


def test_a_server_is_killed_and_another_goes_on() -> None:
    with RedisServer(**KEPT) as redis:
        with Server(**FAST, jobs_redis_url=redis.url) as server:
            job = long_job(server)
            under_way(server, job)
            some = results_of(server, job)
            os.kill(server.process.pid, signal.SIGKILL)
            server.ended()
        with Server(**FAST, jobs_redis_url=redis.url) as server:
            assert results_of(server, job)[: len(some)] == some
            exact(server, job)


def test_the_workers_of_a_server_are_killed_again_and_again() -> None:
    with RedisServer(**KEPT) as redis, Server(**FAST, jobs_redis_url=redis.url) as server:
        job = long_job(server, 8)
        for deaths in (1, 2):
            under_way(server, job)
            server.until("trm_requests_running", lambda value: value > 0)
            for pid in server.workers():
                os.kill(pid, signal.SIGKILL)
            server.until("trm_worker_restarts_total", lambda value, deaths=deaths: value >= deaths)
        exact(server, job)


def test_a_server_that_is_told_to_stop_gives_back_what_it_has_not_done() -> None:
    with RedisServer(**KEPT) as redis:
        with Server(**FAST, jobs_redis_url=redis.url) as server:
            job = long_job(server)
            slow = submit(server, 40, cache="bypass", halt="never", max_steps=64, attempts=8, timeout_ms=600_000)
            under_way(server, job)
            server.until("trm_jobs_held", lambda value: value > 0)
            server.signal(signal.SIGTERM)
            assert server.ended() == 0
        with Server(**FAST | {"jobs_lease_seconds": 600}, jobs_redis_url=redis.url) as server:
            assert job_of(server, job)["counts"]["pending"] > 0
            exact(server, job)
            server.client.delete(f"/v1/jobs/{slow['id']}")
            assert (server.metric("trm_jobs_redelivered_total"), server.metric("trm_jobs_dead_letters_total")) == (0, 0)


def test_servers_that_race_for_the_same_job_solve_no_puzzle_twice() -> None:
    with RedisServer(**KEPT) as redis, Server(**FAST, jobs_redis_url=redis.url) as one, Server(**FAST, jobs_redis_url=redis.url) as other:
        jobs = [long_job(one), long_job(other)]
        for job in jobs:
            exact(one, job)
        total = 200 + sum(job["counts"]["total"] for job in jobs)
        for name in ("trm_jobs_puzzles_total", "trm_requests_finished_total"):
            until(lambda name=name: sum(each.metric(name) for each in (one, other)) == total, f"{name} is exact")
        assert min(each.metric("trm_jobs_puzzles_total") for each in (one, other)) > 0
        until(lambda: sum(each.metric("trm_jobs_finished_total", status="completed") for each in (one, other)) == 4, "the ends are counted")


@pytest.mark.parametrize("moment", ["upload", "end of upload"])
def test_a_server_that_dies_during_an_upload_leaves_no_job(moment: str) -> None:
    with RedisServer(**KEPT) as redis:
        with Server(**FAST, jobs_redis_url=redis.url) as server:

            def half():
                yield lines(3000)
                if moment == "upload":
                    until(lambda: redis.ask("KEYS", "trm:job:*:items"), "some of it is stored")
                os.kill(server.process.pid, signal.SIGKILL)
                yield lines(1)

            with pytest.raises(Exception, match=r".*"):
                server.client.post("/v1/jobs", content=half(), headers={"content-type": "application/x-ndjson"})
            server.ended()
        with Server(**FAST, jobs_redis_url=redis.url) as server:
            accepts_jobs(server)
            server.until("trm_jobs_puzzles_total", lambda value: value == 21)
            assert all(0 < int(redis.ask("TTL", key)) <= 7 * 86_400 for key in redis.ask("KEYS", "trm:job:*").split())


def test_workers_come_and_go_in_the_middle_of_jobs() -> None:
    with RedisServer(**KEPT) as redis, Server(**FAST, jobs_redis_url=redis.url) as server:
        for _ in range(2):
            with Worker(**FAST, jobs_redis_url=redis.url) as worker:
                job = long_job(server)
                before = worker.metric("trm_jobs_puzzles_total")
                worker.until("trm_jobs_puzzles_total", lambda value, before=before: value > before)
                seen = results_of(server, job)
            assert exact(server, job)[: len(seen)] == seen
        assert server.metric("trm_jobs_redelivered_total") == 0
