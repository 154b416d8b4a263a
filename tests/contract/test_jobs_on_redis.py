"""What is true of jobs on Redis alone: how it is reached, what is asked of it, and what is left in it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from app.cache.address import parse
from app.cache.client import CLUSTER
from app.errors import JobsUnavailable, UnknownJob
from app.jobs import redis as module
from app.jobs.base import Counts, Done, Limits
from app.jobs.redis import RedisJobs
from tests.support.redis_servers import RedisServer, SentinelServer, certificate, cluster

Open = Callable[..., RedisJobs]
LIMITS = Limits(jobs=10, puzzles=5000, keep=1000.0, lease=1000.0)


@pytest.fixture
async def opened(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Open]:
    """Make stores that are patient enough for a busy machine."""
    monkeypatch.setattr(module, "TIMEOUT", 30.0)
    made = list[RedisJobs]()

    def make(url: str, limits: Limits = LIMITS) -> RedisJobs:
        made.append(RedisJobs(parse(url), limits))
        return made[-1]

    yield make
    for each in made:
        await each.close()


async def works(store: RedisJobs) -> str:
    """See a job through, with all that a consumer may ask for on the way; its id."""
    draft = await store.open("alice", b"terms")
    await store.append(draft, [(index, b"puzzle") for index in range(4)], [b"refused"])
    job, _ = await store.submit(draft, f"key {draft}", "f")
    await store.wait(0.01)
    taken = await store.take("one", 10, alone=True)
    assert await store.renew("one", taken.items) == []
    await store.note(taken.items[0], "reason")
    await store.release("one", taken.items[:2])
    again = await store.take("one", 10, alone=False)
    assert (await store.backlog()).pending == 4
    await store.finish([Done(item, "solved", b"answer") for item in (*again.items, *taken.items[2:])])
    assert (await store.get("alice", job.id)).counts == Counts(5, solved=4, failed=1)
    assert len(await store.results("alice", job.id, 0, 10)) == 5
    await store.discard(await store.open("alice", b"terms"))
    draft = await store.open("alice", b"terms")
    await store.append(draft, [(0, b"puzzle")], [])
    other, _ = await store.submit(draft, "", "f")
    assert (await store.cancel("alice", other.id))[1]
    return job.id


async def test_over_tls_with_a_certificate_that_is_checked(opened: Open, tmp_path: Path) -> None:
    signed, key = certificate(tmp_path)
    with RedisServer() as probe:
        port = probe.port
    with RedisServer(port="0", tls_port=str(port), tls_cert_file=str(signed), tls_key_file=str(key), tls_auth_clients="no"):
        await works(opened(f"rediss://127.0.0.1:{port}?ssl_ca_certs={signed}"))
        with pytest.raises(JobsUnavailable):
            await opened(f"rediss://127.0.0.1:{port}").open("", b"")


async def test_over_tls_to_where_sentinels_say_which_are_asked_over_tls_too(opened: Open, tmp_path: Path) -> None:
    signed, key = map(str, certificate(tmp_path))
    files = {"tls_cert_file": signed, "tls_key_file": key, "tls_ca_cert_file": signed}
    master = RedisServer(port="0", tls_auth_clients="no", tls_replication="yes", **files)
    master.options["tls_port"] = str(master.port)
    sentinel = SentinelServer(master, port="0", tls_auth_clients="no", tls_replication="yes", **files)
    sentinel.options["tls_port"] = str(sentinel.port)
    with master, sentinel:
        await works(opened(sentinel.url.replace("redis+", "rediss+") + f"?ssl_ca_certs={signed}"))
        with pytest.raises(JobsUnavailable):
            await opened(sentinel.url).open("", b"")


async def test_of_a_cluster_the_log_says_that_it_does_not_do(opened: Open, caplog: pytest.LogCaptureFixture) -> None:
    with cluster() as node:
        store = opened(node.url)
        asked: list[Awaitable[object]] = [store.take("one", 1, alone=True), store.wait(0.1), store.backlog(), *(store.open("", b"") for _ in range(20))]
        refused = [each for each in await asyncio.gather(*asked, return_exceptions=True) if isinstance(each, Exception)]
    assert refused
    assert {type(each) for each in refused} == {JobsUnavailable}
    assert [record.__dict__["error"] for record in caplog.records if record.levelname == "WARNING"] != []
    assert {record.__dict__["error"] for record in caplog.records if record.levelname == "WARNING"} == {CLUSTER}


async def test_a_user_needs_no_more_than_the_documents_say(opened: Open) -> None:
    (line,) = [each for each in (Path(__file__).parents[2] / "docs" / "jobs.md").read_text().splitlines() if "A user of its own needs" in each]
    with RedisServer() as server:
        server.ask("ACL", "SETUSER", "trm", "on", ">secret", *line.split("`")[1].split())
        await works(opened(server.url.replace("//", "//trm:secret@")))
        assert server.ask("ACL", "LOG") == ""


async def test_what_is_left_of_a_job_that_has_ended_goes_by_itself(opened: Open) -> None:
    with RedisServer() as server:
        await works(opened(server.url))
        keys = server.ask("KEYS", "*").split()
        assert not [key for key in keys if key.endswith((":items", ":reasons", ":active")) or ":client:" in key]
        kept = [key for key in keys if key != "trm:jobs:bell"]
        assert kept
        assert all(0 < int(server.ask("TTL", key)) <= LIMITS.keep for key in kept)


async def test_of_a_job_that_was_not_finished_nothing_is_left_either(opened: Open) -> None:
    with RedisServer() as server:
        store = opened(server.url, Limits(jobs=10, puzzles=5000, keep=0.3, lease=1000.0))
        draft = await store.open("", b"terms")
        await store.append(draft, [(0, b"puzzle"), (1, b"puzzle")], [b"refused"])
        job, _ = await store.submit(draft, "key", "f")
        (item, _) = (await store.take("one", 10, alone=True)).items
        await store.note(item, "reason")
        end = time.monotonic() + 30
        while (await store.take("one", 10, alone=True)).items == () and set(server.ask("KEYS", "*").split()) != {"trm:jobs:bell", "trm:jobs:client:"}:
            assert time.monotonic() < end
            await asyncio.sleep(0.05)
        assert (await store.finish([Done(item, "solved", b"late")])).kinds == ()
        with pytest.raises(UnknownJob):
            await store.get("", job.id)
        assert set(server.ask("KEYS", "*").split()) == {"trm:jobs:bell", "trm:jobs:client:"}


async def test_an_upload_that_stops_is_forgotten(opened: Open) -> None:
    with RedisServer() as server:
        store = opened(server.url)
        draft = await store.open("", b"terms")
        await store.append(draft, [(0, b"puzzle")], [b"refused"])
        keys = server.ask("KEYS", "*").split()
        assert len(keys) == 3
        assert all(0 < int(server.ask("TTL", key)) <= module.DRAFT_SECONDS for key in keys)


async def test_scripts_that_redis_has_forgotten_are_sent_again(opened: Open) -> None:
    with RedisServer() as server:
        store = opened(server.url)
        await works(store)
        server.ask("SCRIPT", "FLUSH")
        await works(store)


async def test_whoever_reads_while_results_come_sees_counts_that_agree(opened: Open) -> None:
    with RedisServer() as server:
        store = opened(server.url)
        draft = await store.open("", b"terms")
        await store.append(draft, [(index, b"puzzle") for index in range(500)], [])
        job, _ = await store.submit(draft, "", "f")
        items = (await store.take("one", 1000, alone=True)).items

        async def finish() -> None:
            for item in items:
                await store.finish([Done(item, "unsolved", b"answer")])

        finishing, seen = asyncio.create_task(finish()), 0
        while not finishing.done():
            before, lines, after = await store.get("", job.id), await store.results("", job.id, 0, 1000), await store.get("", job.id)
            assert before.counts.unsolved <= len(lines) <= after.counts.unsolved
            seen += 1
        await finishing
        assert seen > 5


async def test_a_redis_that_answers_nonsense_is_one_that_is_away(opened: Open) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        store = opened(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        asked: list[Awaitable[object]] = [store.open("", b""), store.take("one", 1, alone=True), store.get("", "0" * 32), store.wait(0.1), store.backlog()]
        for each in asked:
            with pytest.raises(JobsUnavailable):
                await each


async def test_a_key_of_another_type_is_one_job_that_cannot_be_read(opened: Open) -> None:
    with RedisServer() as server:
        store = opened(server.url)
        server.ask("SET", "trm:job:" + "0" * 32, "foreign")
        with pytest.raises(JobsUnavailable):
            await store.get("", "0" * 32)
        await works(store)
