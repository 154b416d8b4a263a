"""Worker processes that really die or hang: what they held is solved elsewhere, and a puzzle to blame is given up."""

import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator

import pytest

from app.errors import DeadlineExceeded, InvalidModel, WorkerLost
from app.metrics import Metrics
from app.pool.messages import Ready, WorkerSpec
from app.pool.pipe import Channel, pair
from tests.contract.pools import CELLS, until
from tests.support.requests import ask
from tests.support.workers import DEADLY, HANGING, HarmfulPool, HarmfulProcess, StillbornPool, harmful_main


@pytest.fixture
def spec(tmp_path) -> WorkerSpec:
    return WorkerSpec(store=tmp_path, models=("four",), slots=4)


@pytest.fixture
async def pool(spec: WorkerSpec) -> AsyncIterator[HarmfulPool]:
    made = HarmfulPool(spec, 2, 50, Metrics(("four",)), stall_seconds=0.5)
    await made.start()
    yield made
    await made.close()


def restarts(pool: HarmfulPool, reason: str) -> float:
    return pool.metrics.registry.get_sample_value("trm_worker_restarts_total", {"reason": reason})


async def test_puzzles_of_a_killed_worker_are_solved_and_it_is_replaced(pool: HarmfulPool) -> None:
    long = [asyncio.create_task(pool.solve("four", ask(f"long-{index}", cells=CELLS, halt="never", max_steps=300))) for index in range(4)]
    await until(lambda: all(each.member.held for each in pool.workers))
    pool.workers[0].process.kill()
    assert [outcome.steps for outcome in await asyncio.wait_for(asyncio.gather(*long), 30)] == [300] * 4
    await until(lambda: pool.status().ready == 2)
    assert restarts(pool, "died") == 1


async def test_a_puzzle_that_kills_its_workers_is_given_up_and_no_other_is_harmed(pool: HarmfulPool) -> None:
    tasks = [asyncio.create_task(pool.solve("four", ask(str(index), cells=cells))) for index, cells in enumerate([CELLS, DEADLY, CELLS, CELLS])]
    with pytest.raises(WorkerLost, match="3 workers died on this puzzle"):
        await asyncio.wait_for(tasks.pop(1), 30)
    assert [outcome.verified for outcome in await asyncio.gather(*tasks)] == [True] * 3
    assert restarts(pool, "died") == 3
    await until(lambda: pool.status().ready == 2)


async def test_a_puzzle_that_hangs_its_workers_is_given_up_and_they_are_not_live_meanwhile(pool: HarmfulPool, monkeypatch: pytest.MonkeyPatch) -> None:
    live = list[bool]()  # as each worker was killed: they may be found to hang a moment before that, too short to be seen from here
    kill = HarmfulProcess.kill

    def killed(each: HarmfulProcess) -> None:
        live.append(pool.status().live)
        kill(each)

    monkeypatch.setattr(HarmfulProcess, "kill", killed)
    with pytest.raises(WorkerLost, match="3 workers died on this puzzle"):
        await asyncio.wait_for(pool.solve("four", ask("hanging", cells=HANGING)), 30)
    assert live.count(False) >= 3  # once more where the kill takes longer than a look of the watch
    assert restarts(pool, "failed") == 3
    await until(lambda: pool.status().ready == 2 and pool.status().live)
    assert (await pool.solve("four", ask("after", cells=CELLS))).verified


async def test_a_worker_that_hangs_is_replaced_though_its_client_left(pool: HarmfulPool) -> None:
    hanging = asyncio.create_task(pool.solve("four", ask("hanging", cells=HANGING)))
    await until((pool.spec.store / "hanging").exists)
    hanging.cancel()
    try:
        await until(lambda: restarts(pool, "failed") == 1, seconds=2)
    finally:
        pool.workers[0].kill()


async def test_a_deadline_passes_on_a_worker_that_hangs_too(pool: HarmfulPool) -> None:
    pool.stall_seconds = 60
    try:
        with pytest.raises(DeadlineExceeded):
            await asyncio.wait_for(pool.solve("four", ask("hanging", cells=HANGING, deadline=time.monotonic() + 0.2)), 2)
    finally:
        pool.workers[0].kill()


async def test_a_worker_that_dies_before_its_first_step_keeps_the_pool_from_starting(spec: WorkerSpec) -> None:
    pool = StillbornPool(spec, 1, 1, Metrics())
    with pytest.raises(InvalidModel, match="worker 0 could not start: it died"):
        await pool.start()


def test_a_worker_ends_when_its_server_is_gone(spec: WorkerSpec) -> None:
    end, child = pair()
    worker = multiprocessing.get_context("spawn").Process(target=harmful_main, args=(child, spec))
    worker.start()
    child.close()
    pipe = Channel(end)
    (message,) = pipe.receive(wait=True)
    assert isinstance(message, Ready)
    pipe.close()
    worker.join(10)
    assert worker.exitcode == 0
