"""Servers that share their answers on a real Redis, which comes, goes, hangs and lies."""

import asyncio
from collections.abc import Iterator

import pytest

from app.cache.redis import PREFIX
from tests.e2e.batches import results
from tests.e2e.puzzles import NEWSPAPER, distinct, easy, symmetric_copy
from tests.e2e.serving import Server, body, until
from tests.e2e.terminal import trm
from tests.support.redis_servers import RedisServer

PUZZLES = easy(4, 12)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="module")
def servers(redis: RedisServer) -> Iterator[tuple[Server, Server]]:
    """Two that share a Redis, patient enough for a busy machine."""
    with Server(redis_url=redis.url, redis_timeout_seconds=10) as one, Server(redis_url=redis.url, redis_timeout_seconds=10) as other:
        yield one, other


def entries(redis: RedisServer) -> list[str]:
    return sorted(redis.ask("KEYS", f"{PREFIX}*").split())


def test_what_one_server_solved_another_has(servers: tuple[Server, Server]) -> None:
    one, other = servers
    first, second = one.answer(NEWSPAPER), other.answer(NEWSPAPER)
    assert (first["cache"], second["cache"]) == ("miss", "hit")
    assert all(second[name] == first[name] for name in ("solution", "verified", "steps", "attempts", "halt_reason"))


def test_what_one_server_solved_in_a_batch_another_has_copies_included(servers: tuple[Server, Server], redis: RedisServer) -> None:
    one, other = servers
    redis.ask("FLUSHALL")
    puzzles = distinct(200, seed=1002)
    assert {each["cache"] for each in results(one, puzzles, timeout_ms=300_000)} == {"miss"}
    until(lambda: len(entries(redis)) == 200, "all answers are stored")
    found = results(other, [*puzzles, symmetric_copy(puzzles[0], seed=1)], timeout_ms=300_000)
    assert {(each["cache"], each["verified"]) for each in found} == {("hit", True)}


def test_answers_are_kept_for_as_long_as_they_are_worth(servers: tuple[Server, Server], redis: RedisServer) -> None:
    redis.ask("FLUSHALL")
    servers[0].answer(*distinct(1, seed=1001))
    until(lambda: entries(redis), "the answer is stored")
    assert 29 * 86400 < int(redis.ask("TTL", *entries(redis))) <= 30 * 86400
    redis.ask("FLUSHALL")
    assert servers[0].answer("." * 16, max_steps=1, attempts=1, halt="learned")["verified"] is False
    until(lambda: entries(redis), "the answer is stored")
    assert 0 < int(redis.ask("TTL", *entries(redis))) <= 300


@pytest.mark.parametrize(("number", "value"), list(enumerate(["", "garbage", "{}", '{"version": 1}', "null"])))
def test_what_is_no_answer_is_solved_again_and_counted(servers: tuple[Server, Server], redis: RedisServer, number: int, value: str) -> None:
    one, other = servers
    (puzzle,) = distinct(1, seed=1010 + number)
    redis.ask("FLUSHALL")
    before = other.metric("trm_cache_errors_total", kind="value")
    one.answer(puzzle)
    until(lambda: entries(redis), "the answer is stored")
    redis.ask("SET", entries(redis)[0], value)
    answer = other.answer(puzzle)
    assert (answer["cache"], answer["verified"]) == ("miss", True)
    assert other.metric("trm_cache_errors_total", kind="value") == before + (value != "")


def test_the_answer_to_another_puzzle_is_not_believed(servers: tuple[Server, Server], redis: RedisServer) -> None:
    one, other = servers
    redis.ask("FLUSHALL")
    (ours, solution), (foreign, _) = PUZZLES[:2]
    one.answer(ours)
    until(lambda: entries(redis), "the answer is stored")
    (key,) = entries(redis)
    one.answer(foreign)
    until(lambda: len(entries(redis)) == 2, "the other is stored")
    (there,) = set(entries(redis)) - {key}
    redis.ask("COPY", there, key, "REPLACE")
    answer = other.answer(ours)
    assert (answer["cache"], answer["verified"], answer["solution"]) == ("miss", True, solution)


def test_without_redis_puzzles_are_solved_and_with_it_shared_again() -> None:
    with RedisServer() as redis:
        redis.kill()
        with Server(redis_url=redis.url, redis_timeout_seconds=10) as server:
            assert server.client.get("/readyz").status_code == 200
            assert server.metric("trm_cache_breaker_open") == 1
            for question, solution in PUZZLES[:5]:
                answer = server.answer(question)
                assert (answer["cache"], answer["solution"]) == ("miss", solution)
            redis.start()
            server.until("trm_cache_breaker_open", lambda value: value == 0)
            server.answer(NEWSPAPER)
            until(lambda: entries(redis), "the answer is stored")
            assert server.answer(NEWSPAPER)["cache"] == "hit"
            redis.kill()
            assert server.answer(NEWSPAPER)["cache"] == "hit", "it solved this one itself"
            responses = asyncio.run(server.solve_all(body(question) for question, _ in PUZZLES))
            assert [response.status_code for response in responses] == [200] * len(PUZZLES)
            server.until("trm_cache_breaker_open", lambda value: value == 1)
            assert server.metric("trm_cache_errors_total", kind="connection") >= 1
            assert server.client.get("/healthz").status_code == server.client.get("/readyz").status_code == 200


def test_a_redis_that_hangs_holds_up_nobody() -> None:
    with RedisServer() as redis, Server(redis_url=redis.url) as server:
        with redis.paused():
            for question, solution in PUZZLES:
                assert server.answer(question)["solution"] == solution
            assert server.metric("trm_cache_errors_total", kind="timeout") >= 1
            assert server.metric("trm_cache_breaker_open") == 1
        server.until("trm_cache_breaker_open", lambda value: value == 0)


def test_the_password_is_in_no_log() -> None:
    with RedisServer(requirepass="hunter2") as redis, Server(redis_url=redis.url.replace("//", "//:hunter3@"), log_level="debug") as server:
        assert server.answer(NEWSPAPER)["verified"]
        assert server.metric("trm_cache_errors_total", kind="permission") >= 1
        assert server.heard("the shared cache failed")["kind"] == "permission"
    assert "hunter" not in str(server.log)


@pytest.mark.parametrize("url", ["localhost:6379", "redis://:hunter2@", "redis://:hunter2@cache:port", "rediss://:hunter2@cache?ssl_ca_certs=/nowhere"])
def test_a_url_that_cannot_be_right_ends_the_start(url: str) -> None:
    ran = trm("serve", redis_url=url)
    assert ran.returncode not in (0, None)
    assert len(ran.stderr.strip().splitlines()) == 1
    assert "redis_url" in ran.stderr
    assert "hunter2" not in ran.stderr
