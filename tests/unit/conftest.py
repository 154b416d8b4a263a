"""A solver with everything around it in memory."""

from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from app.api.deps import Services
from app.cache.memory import MemoryCache
from app.metrics import Metrics
from app.model.store import ModelStore
from app.puzzles.families import FAMILIES
from app.solver import Solver
from tests.support.answers import KEEP
from tests.support.pools import FakePool
from tests.support.services import services_of
from tests.support.stores import put


@pytest.fixture
def store(tmp_path) -> ModelStore:
    put(tmp_path, "nine", 9)
    put(tmp_path, "four", 4)
    return ModelStore(tmp_path)


@pytest.fixture
def pool() -> FakePool:
    return FakePool()


@pytest.fixture
def solver(store, pool) -> Solver:
    return Solver(FAMILIES, store, pool, MemoryCache(100), Metrics(tuple(store.entries)), KEEP)


@pytest.fixture
def services(solver, pool, store) -> Services:
    return services_of(solver, pool, store)


@pytest.fixture
def counted(solver) -> Callable[..., float]:
    """The value of a series: `counted("trm_cache_requests_total", result="hit")`."""
    registry: CollectorRegistry = solver.metrics.registry
    return lambda name, **labels: registry.get_sample_value(name, labels)
