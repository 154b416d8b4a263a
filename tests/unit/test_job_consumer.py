"""The consumer between a store in memory and work that a test lets go: how much it takes, when, and what becomes of it."""

import asyncio

import pytest

from app.errors import DeadlineExceeded, Draining, InvalidPuzzle, JobsUnavailable, StepFailed, UnknownModel, WorkerLost
from app.jobs import consumer as module
from app.jobs.base import MOST_DELIVERIES, SUSPECT, Counts, Limits
from app.jobs.consumer import Consumer
from app.jobs.memory import MemoryJobs
from app.metrics import Metrics
from app.pool.base import PoolStatus


class Work:
    """Each puzzle waits until it is let go, then is solved, or ends as its line says."""

    def __init__(self) -> None:
        self.begun, self.gate, self.errors = list[int](), asyncio.Event(), dict[int, Exception]()

    async def solve(self, item):
        self.begun.append(item.index)
        await self.gate.wait()
        if item.index in self.errors:
            raise self.errors[item.index]
        return "solved", b"%d" % item.index

    def failed(self, item, error):
        return b"%d %s" % (item.index, error.detail.encode())


class Around:
    """A consumer with all that it needs; `others` are puzzles in the pool that are not its own."""

    def __init__(self, lease: float = 1000.0) -> None:
        self.store, self.work, self.metrics = MemoryJobs(Limits(100, 10_000, 1000.0, lease), 10_000), Work(), Metrics()
        self.others, self.stopping = 0, False
        self.consumer = Consumer(self.store, self.work, self.status, self.metrics, lease, lambda: self.stopping)

    def status(self) -> PoolStatus:
        running = len(self.consumer.held) + self.others
        return PoolStatus(waiting=max(0, running - 10), running=min(running, 10), places=10, capacity=100, workers=1, ready=1, live=True)

    async def submit(self, count: int):
        draft = await self.store.open("", b"")
        await self.store.append(draft, [(index, b"") for index in range(count)], [])
        self.job, _ = await self.store.submit(draft, "", "")

    async def lines(self) -> list[bytes]:
        return sorted(await self.store.results("", self.job.id, 0, 10_000))

    async def counts(self) -> Counts:
        return (await self.store.get("", self.job.id)).counts

    def sample(self, name: str, **labels: str):
        return self.metrics.registry.get_sample_value(f"trm_jobs_{name}", labels)


@pytest.fixture
async def around(monkeypatch):
    for name, seconds in (("TICK", 0.005), ("PAUSE", 0.02), ("LINGER", 0.2)):
        monkeypatch.setattr(module, name, seconds)
    made = list[Around]()

    def make(**options) -> Around:
        made.append(Around(**options))
        return made[-1]

    yield make
    for each in made:
        each.work.gate.set()
        await each.consumer.close()


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


async def settle() -> None:
    await asyncio.sleep(0.1)


async def test_it_takes_what_there_is_room_for_and_more_as_that_ends(around) -> None:
    it = around()
    await it.submit(25)
    it.consumer.start()
    await settle()
    assert (it.work.begun, it.sample("held")) == (list(range(10)), 10)
    it.work.gate.set()
    await until(lambda: len(it.work.begun) == 25)
    await settle()
    assert (await it.counts(), it.sample("held")) == (Counts(25, solved=25), 0)


async def test_what_others_ask_for_goes_before(around) -> None:
    it = around()
    it.others = 7
    await it.submit(25)
    it.consumer.start()
    await settle()
    assert len(it.work.begun) == 3
    it.others = 50
    it.work.gate.set()
    await settle()
    assert len(it.work.begun) == 3
    it.others = 0
    await until(lambda: len(it.work.begun) == 25)


async def test_nothing_is_taken_while_the_server_is_stopping(around) -> None:
    it = around()
    it.stopping = True
    await it.submit(5)
    it.consumer.start()
    await settle()
    assert it.work.begun == []


async def test_a_job_that_comes_wakes_it(around) -> None:
    it = around()
    it.consumer.start()
    await settle()
    await it.submit(5)
    await until(lambda: len(it.work.begun) == 5)


async def test_at_the_close_what_does_not_end_is_given_back_and_what_does_is_written(around) -> None:
    it = around()
    await it.submit(30)
    it.consumer.start()
    await settle()
    closing = asyncio.create_task(it.consumer.close())
    await asyncio.sleep(0.05)
    for key in list(it.consumer.held)[:4]:
        it.consumer.done.put_nowait(module.Done(it.consumer.items[key], "solved", b"ended in time"))
    await closing
    assert await it.lines() == [b"ended in time"] * 4
    taken = await it.store.take("another", 100, alone=True)
    assert [item.deliveries for item in taken.items] == [1] * 26


@pytest.mark.parametrize("error", [WorkerLost("died"), StepFailed("broke"), InvalidPuzzle("wrong")])
async def test_what_cannot_be_answered_anywhere_is_a_failed_result(around, error) -> None:
    it = around()
    it.work.errors[1] = error
    it.work.gate.set()
    await it.submit(3)
    it.consumer.start()
    await until(lambda: it.sample("finished_total", status="completed") == 1)
    assert await it.lines() == [b"0", b"1 " + error.detail.encode(), b"2"]
    assert [it.sample("puzzles_total", outcome=kind) for kind in ("solved", "failed")] == [2, 1]


@pytest.mark.parametrize("error", [DeadlineExceeded("no room in time"), UnknownModel("not here")])
async def test_what_might_go_better_later_is_left_to_the_next_delivery_but_not_for_ever(around, error) -> None:
    it = around(lease=0.05)
    it.work.errors[1] = error
    it.work.gate.set()
    await it.submit(3)
    it.consumer.start()
    await until(lambda: it.sample("finished_total", status="completed") == 1)
    assert await it.lines() == [b"0", b"1 given up after %d deliveries: %s" % (MOST_DELIVERIES, error.detail.encode()), b"2"]
    assert (it.work.begun.count(1), it.sample("dead_letters_total"), it.sample("redelivered_total")) == (MOST_DELIVERIES, 1, MOST_DELIVERIES)


async def test_so_is_what_fails_because_of_a_bug_and_that_is_logged(around, caplog) -> None:
    it = around(lease=0.05)
    it.work.errors[0] = ZeroDivisionError("secret")
    it.work.gate.set()
    await it.submit(1)
    it.consumer.start()
    await until(lambda: it.sample("finished_total", status="failed") == 1)
    assert await it.lines() == [b"0 given up after %d deliveries: an internal error" % MOST_DELIVERIES]
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["a bug"] * MOST_DELIVERIES


async def test_what_the_pool_refuses_at_its_end_is_given_back_at_once(around) -> None:
    it = around()
    it.work.errors[0] = Draining("shutting down")
    it.work.gate.set()
    await it.submit(1)
    it.consumer.start()
    await until(lambda: it.work.begun)
    it.stopping = True
    await settle()
    (item,) = (await it.store.take("another", 10, alone=True)).items
    assert item.deliveries == 1


async def test_suspects_run_alone(around) -> None:
    it = around(lease=0.05)
    await it.submit(30)
    for _ in range(SUSPECT):
        await it.store.take("one that dies", 3, alone=True)
        await asyncio.sleep(0.1)
    it.store.limits = Limits(100, 10_000, 1000.0, 1000.0)
    it.consumer.lease = 1000.0
    it.consumer.start()
    for alone in range(3):
        await settle()
        assert it.work.begun == list(range(alone + 1))
        it.work.gate.set()
        await asyncio.sleep(0)
        it.work.gate.clear()
    await until(lambda: len(it.work.begun) == 13)


async def test_what_is_renewed_in_time_is_never_anothers(around) -> None:
    it = around(lease=0.3)
    await it.submit(5)
    it.consumer.start()
    for _ in range(10):
        await asyncio.sleep(0.1)
        assert (await it.store.take("another", 10, alone=True)).items == ()
    it.work.gate.set()
    await until(lambda: it.sample("finished_total", status="completed") == 1)
    assert it.sample("redelivered_total") == 0


async def test_a_cancelled_job_frees_its_places(around) -> None:
    it = around(lease=0.3)
    await it.submit(30)
    it.consumer.start()
    await settle()
    await it.store.cancel("", it.job.id)
    await until(lambda: it.sample("held") == 0)


async def test_while_the_store_is_away_results_wait_and_are_written_once(around, monkeypatch) -> None:
    it = around()
    await it.submit(10)
    it.consumer.start()
    await settle()

    async def away(*_, **__):
        raise JobsUnavailable("away")

    with monkeypatch.context() as patched:
        for name in ("take", "finish", "renew", "backlog"):
            patched.setattr(it.store, name, away)
        it.work.gate.set()
        await settle()
        assert (it.sample("held"), it.sample("store_up"), await it.lines()) == (10, 0, [])
    await until(lambda: it.sample("held") == 0)
    assert (await it.counts(), it.sample("store_up")) == (Counts(10, solved=10), 1)


async def test_a_bug_in_the_store_is_logged_and_not_the_end(around, monkeypatch, caplog) -> None:
    it = around()

    async def broken(*_, **__):
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(it.store, "take", broken)
        await it.submit(3)
        it.consumer.start()
        await until(lambda: caplog.records)
    it.work.gate.set()
    await until(lambda: it.sample("finished_total", status="completed") == 1)
