"""How every pool opens, refuses and closes; each test has a pool of its own."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.errors import Draining, InvalidModel, NoWorker, QueueFull
from app.metrics import Metrics
from app.model.store import GRAPH, WEIGHTS
from app.pool.base import Pool
from app.pool.local import LocalPool
from app.pool.messages import WorkerSpec
from app.pool.processes import ProcessPool
from tests.contract.pools import CREDIT, ENDLESS, POOLS, SLOTS, occupy
from tests.support.requests import ask
from tests.support.stores import put


@pytest.fixture(params=POOLS)
async def closed(request: pytest.FixtureRequest, real_store) -> AsyncIterator[Pool]:
    """A pool for one waiting puzzle, not started yet."""
    made = POOLS[request.param](WorkerSpec(store=real_store, models=("four",), slots=SLOTS), 1, 1, Metrics(("four",)))
    yield made
    await made.close()


async def test_a_pool_refuses_before_it_starts_when_it_is_full_and_once_it_closes(closed: Pool) -> None:
    pool = closed
    with pytest.raises(NoWorker) as refused:
        await pool.solve("four", ask("early", **ENDLESS))
    assert refused.value.retry_after >= 1

    await pool.start()
    held = await occupy(pool, CREDIT + 1)
    with pytest.raises(QueueFull) as full:
        await pool.solve("four", ask("one too many", **ENDLESS))
    assert full.value.retry_after >= 1
    assert (pool.status().running, pool.status().waiting) == (CREDIT, 1)

    await pool.close()
    refusals = await asyncio.wait_for(asyncio.gather(*held, return_exceptions=True), 20)
    assert [type(error) for error in refusals] == [Draining] * len(held)
    with pytest.raises(Draining):
        await pool.solve("four", ask("late", **ENDLESS))
    assert pool.status().ready == 0


@pytest.mark.parametrize("kind", [LocalPool, ProcessPool])
async def test_a_model_that_is_not_what_it_says_keeps_a_pool_from_starting(kind, tmp_path) -> None:
    put(tmp_path, "broken", 4)
    (tmp_path / "broken" / GRAPH).write_text("tampered with")
    pool = kind(WorkerSpec(store=tmp_path, models=("broken",), slots=1), 2, 1, Metrics())
    with pytest.raises(InvalidModel, match=r"worker \d could not start: .*its sha256 differs"):
        await pool.start()


@pytest.mark.parametrize("kind", [LocalPool, ProcessPool])
async def test_a_file_that_is_no_model_keeps_a_pool_from_starting(kind, tmp_path) -> None:
    put(tmp_path, "broken", 4)
    pool = kind(WorkerSpec(store=tmp_path, models=("broken",), slots=1), 1, 1, Metrics())
    with pytest.raises(InvalidModel, match=f"could not start: .*({GRAPH}|{WEIGHTS})"):
        await pool.start()


@pytest.mark.parametrize("kind", [LocalPool, ProcessPool])
async def test_closing_a_pool_again_while_it_closes_ends_its_workers_once(kind, real_store) -> None:
    class Counting(kind.make_worker):  # type: ignore[name-defined, misc]
        ends = 0

        def reap(self) -> None:
            self.ends += 1
            super().reap()

    class Pool(kind):  # type: ignore[misc, valid-type]
        make_worker = Counting

    pool = Pool(WorkerSpec(store=real_store, models=("four",), slots=1), 2, 1, Metrics(("four",)))
    await pool.start()
    first = asyncio.create_task(pool.close())
    await asyncio.sleep(0)
    await pool.close()
    assert pool.status().ready == 0
    await asyncio.wait_for(first, 1)
    assert [each.ends for each in pool.workers] == [1, 1]
