"""The Redis users of the documents may do all that a server needs, and not all there is."""

import re
from collections.abc import Iterator

import pytest

from app.access.keys import new
from app.cache.redis import PREFIX
from tests.e2e.jobs import FAST, PUZZLES, exact, job_of, results_of, submit
from tests.e2e.serving import PROJECT, Server, until
from tests.support.redis_servers import RedisServer

DOCS = PROJECT / "docs"


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """With a user for answers and rates, and one for jobs, as the documents have them."""
    operations = re.search(r"^ACL SETUSER trm on >password (.*)$", (DOCS / "operations.md").read_text(), re.MULTILINE)
    jobs = re.search(r"A user of its own needs `([^`]*)`", (DOCS / "jobs.md").read_text())
    assert operations
    assert jobs
    with RedisServer() as server:
        for name, rights in (("answers", operations[1]), ("jobs", jobs[1])):
            assert server.ask("ACL", "SETUSER", name, "on", ">password", *rights.split()) == "OK"
        yield server


def test_answers_rates_and_jobs_need_no_more_than_the_documents_say(redis: RedisServer) -> None:
    urls = {name: f"redis://{name}:password@127.0.0.1:{redis.port}" for name in ("answers", "jobs")}
    key, entry = new("alice", "1/1000")
    settings = {**FAST, "redis_url": urls["answers"], "jobs_redis_url": urls["jobs"], "redis_timeout_seconds": 10, "api_keys": entry}
    with Server(**settings) as server:
        server.client.headers["x-api-key"] = key
        assert server.answer(PUZZLES[0])["verified"] is True
        until(lambda: redis.ask("KEYS", f"{PREFIX}*") and redis.ask("KEYS", "trm:rate:*"), "answer and rate are stored")
        job = submit(server, 3)
        exact(server, job)
        assert len(results_of(server, job)) == 3
        assert server.client.delete(f"/v1/jobs/{job['id']}").is_success
        assert job_of(server, job)["status"] == "completed"
        assert server.metric("trm_cache_breaker_open") == 0
        assert server.metric("trm_cache_errors_total") == 0
    denied = [line for line in redis.ask("ACL", "LOG").splitlines() if line.strip() in ("command", "key", "channel", "auth")]
    assert not denied, redis.ask("ACL", "LOG")
