"""Whatever happens to Redis: nothing reaches the caller, everything is counted, and it is used again when it is back."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from app.cache import link as module
from app.cache.address import parse
from app.cache.client import CLUSTER
from app.cache.link import FAILURES, Link
from app.cache.redis import PREFIX, RedisCache
from app.metrics import Metrics
from tests.support.redis_servers import PATIENCE, RedisServer, SentinelServer, certificate, cluster

Open = Callable[..., Awaitable[RedisCache]]


@pytest.fixture
async def opened(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Open]:
    """Make caches that look every 50 ms whether Redis is back."""
    monkeypatch.setattr(module, "PAUSE", 0.05)
    made = list[RedisCache]()

    async def start(url: str, seconds: float = 0.05) -> RedisCache:
        made.append(RedisCache(Link(parse(url), Metrics(), seconds)))
        await made[-1].start()
        return made[-1]

    yield start
    for cache in made:
        await cache.close()


def counted(cache: RedisCache, kind: str) -> float:
    return cache.link.metrics.registry.get_sample_value("trm_cache_errors_total", {"kind": kind}) or 0


def is_open(cache: RedisCache) -> bool:
    return cache.link.metrics.registry.get_sample_value("trm_cache_breaker_open") == 1


async def works(cache: RedisCache) -> None:
    """Wait until the cache keeps what it is given."""
    end = time.monotonic() + PATIENCE
    while is_open(cache) or await cache.get("works") != b"yes":
        assert time.monotonic() < end, "the cache never worked"
        await cache.set("works", b"yes", 100)
        await asyncio.sleep(0.02)


async def opens(cache: RedisCache) -> None:
    """Ask as often as it takes to open the breaker; nothing is ever found and nothing raised."""
    for _ in range(FAILURES):
        assert await cache.get("works") is None
        await cache.set("works", b"no", 100)
    assert is_open(cache)


async def test_absent_at_start_it_is_used_when_it_comes(opened: Open, caplog: pytest.LogCaptureFixture) -> None:
    with RedisServer() as server:
        server.kill()
        cache = await opened(server.url)
        assert is_open(cache)
        while counted(cache, "connection") < 5:
            assert await cache.get("key") is None
            await asyncio.sleep(0.01)
        assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1
        server.start()
        await works(cache)


async def test_killed_it_is_counted_and_passed_over_and_used_again_though_empty(opened: Open) -> None:
    with RedisServer() as server:
        cache = await opened(server.url)
        await works(cache)
        server.kill()
        await opens(cache)
        assert counted(cache, "connection") >= FAILURES
        server.start()
        await works(cache)
        assert server.ask("DBSIZE") == "1"


async def test_restarted_between_two_requests_nobody_notices(opened: Open) -> None:
    with RedisServer() as server:
        cache = await opened(server.url, PATIENCE)
        await works(cache)
        server.kill()
        server.start()
        assert await cache.get("works") is None
        await cache.set("works", b"yes", 100)
        assert await cache.get("works") == b"yes"
        assert not is_open(cache)


async def test_paused_requests_go_on_without_it_and_then_do_not_even_ask(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    with RedisServer() as server:
        cache = await opened(server.url)
        await works(cache)
        with server.paused():
            await opens(cache)
            before = counted(cache, "timeout")
            assert before >= FAILURES
            assert [await cache.get("works") for _ in range(200)] == [None] * 200
            assert counted(cache, "timeout") == before
        await works(cache)


async def test_paused_it_does_not_keep_the_server_from_closing() -> None:
    with RedisServer() as server:
        cache = RedisCache(Link(parse(server.url), Metrics(), 0.05))
        await cache.start()
        with server.paused():
            await opens(cache)
            await cache.close()


async def test_full_it_still_answers_and_what_it_refuses_is_counted(opened: Open) -> None:
    with RedisServer(maxmemory_policy="noeviction") as server:
        cache = await opened(server.url, PATIENCE)
        await works(cache)
        server.ask("CONFIG", "SET", "maxmemory", "1")
        for _ in range(FAILURES + 1):
            await cache.set("more", b"answer", 100)
        assert await cache.get("more") is None
        assert await cache.get("works") == b"yes"
        assert (counted(cache, "refused"), is_open(cache)) == (FAILURES + 1, False)


async def test_a_key_that_holds_no_string_is_no_answer_and_is_written_over(opened: Open) -> None:
    with RedisServer() as server:
        cache = await opened(server.url, PATIENCE)
        server.ask("RPUSH", f"{PREFIX}works", "foreign")
        assert await cache.get("works") is None
        assert counted(cache, "refused") == 1
        await works(cache)


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"$999999999999\r\n", b"$x\r\n", b"*1\r\n" * 2000, b"\xff" * 100_000])
async def test_whatever_else_answers_there_is_passed_over(opened: Open, said: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(said)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        cache = await opened(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await opens(cache)


async def test_only_the_right_password_opens_and_none_is_logged(opened: Open, caplog: pytest.LogCaptureFixture) -> None:
    with RedisServer(requirepass="hunter2") as server:
        await works(await opened(server.url.replace("//", "//:hunter2@")))
        for wrong in ("", ":hunter3@", "nobody:hunter2@"):
            cache = await opened(server.url.replace("//", f"//{wrong}"))
            assert is_open(cache)
            assert counted(cache, "permission") >= 1
    assert caplog.records
    assert not [record for record in caplog.records if "hunter" in str(record.__dict__)]


async def test_a_user_needs_no_more_than_get_and_set_of_our_keys(opened: Open) -> None:
    with RedisServer() as server:
        server.ask("ACL", "SETUSER", "trm", "on", ">a@b/c", f"~{PREFIX}*", "+get", "+set")
        cache = await opened(server.url.replace("//", "//trm:a%40b%2Fc@"))
        await works(cache)
        server.ask("ACL", "SETUSER", "trm", "-set")
        await cache.set("works", b"no", 100)
        assert (counted(cache, "permission"), is_open(cache)) == (1, False)


async def test_over_a_socket_file(opened: Open) -> None:
    with RedisServer(unixsocket="redis.sock") as server:
        await works(await opened(f"unix://{server.folder.name}/redis.sock"))


async def test_a_database_of_its_own(opened: Open) -> None:
    with RedisServer() as server:
        await works(await opened(f"{server.url}/3"))
        assert server.ask("-n", "3", "DBSIZE") == "1"


async def test_of_a_cluster_the_log_says_once_that_it_does_not_do(opened: Open, caplog: pytest.LogCaptureFixture) -> None:
    with cluster() as node:
        cache = await opened(node.url, PATIENCE)
        for number in range(20):
            await cache.set(str(number), b"answer", 100)
        assert 0 < counted(cache, "refused") < 20
        assert not is_open(cache)
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.__dict__["error"] == CLUSTER


async def test_over_tls_with_a_certificate_that_is_checked(opened: Open, tmp_path) -> None:
    signed, key = certificate(tmp_path)
    with RedisServer() as probe:
        port = probe.port
    with RedisServer(port="0", tls_port=str(port), tls_cert_file=str(signed), tls_key_file=str(key), tls_auth_clients="no"):
        await works(await opened(f"rediss://127.0.0.1:{port}?ssl_ca_certs={signed}", PATIENCE))
        for stranger in (f"rediss://127.0.0.1:{port}", f"rediss://localhost:{port}?ssl_ca_certs={signed}", f"redis://127.0.0.1:{port}"):
            assert is_open(await opened(stranger))


@pytest.mark.parametrize("how", ["the master dies", "the master is relieved"])
async def test_sentinels_say_who_is_master_now(opened: Open, how: str) -> None:
    with RedisServer() as master, RedisServer(replicaof=f"127.0.0.1 {master.port}") as replica, SentinelServer(master) as sentinel, RedisServer() as absent:
        absent.kill()
        cache = await opened(sentinel.url.replace("//", f"//127.0.0.1:{absent.port},"))
        await works(cache)
        end = time.monotonic() + PATIENCE
        while "num-slaves\n1" not in sentinel.ask("SENTINEL", "MASTER", "main") or "master_link_status:up" not in replica.ask("INFO", "replication"):
            assert time.monotonic() < end, "the sentinel never saw the replica"
            await asyncio.sleep(0.1)
        if how == "the master dies":
            master.kill()
        else:
            sentinel.ask("SENTINEL", "FAILOVER", "main")
        while str(replica.port) not in sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"):  # whom the sentinel promotes loses its clients
            assert time.monotonic() < end, "nobody took over"
            await asyncio.sleep(0.1)
        replica.ask("FLUSHALL")
        while replica.ask("EXISTS", f"{PREFIX}after") != "1":
            assert time.monotonic() < end, "nothing was stored with the new master"
            await cache.set("after", b"yes", 100)
            await asyncio.sleep(0.05)
        await works(cache)
