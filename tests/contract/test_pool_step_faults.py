"""Puzzles that a model fails on, in real pools: each fails alone and is counted, no worker is lost, and the others are answered as without them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.engine.request import Outcome
from app.errors import InvalidModel, StepFailed
from app.metrics import Metrics
from app.pool.base import Pool
from app.pool.messages import Backend, WorkerSpec
from app.pool.processes import ProcessPool
from tests.contract.pools import POOLS
from tests.contract.test_isolation import essence, healthy, poisoned
from tests.support.poison import poison, poisoned_model, put

MODELS = ("not-finite", "raised")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("store")
    for name in MODELS:
        put(root / name, poisoned_model(name.replace("-", "_")))
    return root


@pytest.fixture(params=[("threads", "onnx"), ("processes", "onnx"), ("processes", "torch")], ids=" ".join)
async def pool(request: pytest.FixtureRequest, store: Path) -> AsyncIterator[Pool]:
    kind, backend = request.param
    made = POOLS[kind](WorkerSpec(store=store, models=MODELS, slots=4, backend=backend), 1, 50, Metrics(MODELS))
    await made.start()
    yield made
    await made.close()


async def test_it_fails_alone_is_counted_and_its_neighbours_finish(pool: ProcessPool) -> None:
    def counted(name: str, **labels: str) -> float:
        return pool.metrics.registry.get_sample_value(name, labels)

    for model in MODELS:
        without = await asyncio.gather(*(pool.solve(model, request) for request in healthy(10)))
        requests = [*healthy(3), poisoned("a"), *healthy(10)[3:], poisoned("b")]
        answers = await asyncio.gather(*(pool.solve(model, request) for request in requests), return_exceptions=True)
        failures = answers.pop(), answers.pop(3)
        assert [type(failure) for failure in failures] == [StepFailed] * 2
        assert all(str(failure).startswith("step 1 of attempt 1 ") for failure in failures)
        assert [essence(each) for each in answers] == [essence(each) for each in without]
        assert all(isinstance(each, Outcome) for each in without)
        kind, other = model.replace("-", "_"), {"raised": "not_finite", "not-finite": "raised"}[model]
        assert counted("trm_step_faults_total", model=model, kind=kind) == 2
        assert counted("trm_step_faults_total", model=model, kind=other) == 0
    assert counted("trm_worker_restarts_total", reason="failed") == counted("trm_worker_restarts_total", reason="died") == 0
    assert (pool.status().ready, pool.status().running) == (1, 0)


@pytest.mark.parametrize("backend", ["onnx", "torch"])
async def test_a_model_that_fails_on_everything_is_not_served(tmp_path: Path, backend: Backend) -> None:
    model = poisoned_model("not_finite")
    poison(model, 0)  # the blank
    put(tmp_path / "dead", model)
    with pytest.raises(InvalidModel, match="worker 0 could not start: the model's step gave numbers that are not finite on an empty grid, too"):
        await ProcessPool(WorkerSpec(store=tmp_path, models=("dead",), backend=backend), 1, 1, Metrics()).start()
