"""A family whose answers no rule can check: `verified` is null, and a model that halted counts as solved."""

import numpy as np
import pytest

from app.answers import is_solved
from app.cache.memory import MemoryCache
from app.errors import InvalidRequest
from app.metrics import Metrics
from app.preparing import Options
from app.puzzles.sudoku import Sudoku, SudokuRules
from app.solver import Solver
from tests.support.answers import KEEP
from tests.support.grids import QUESTIONS
from tests.support.requests import outcome


class OpaqueRules(SudokuRules):
    verifiable = False

    def violations(self, inputs, answers):
        return np.ones(len(inputs), dtype=np.intp)

    def judged(self, question, answer):
        return None, None


class Opaque(Sudoku):
    def rules(self, height, width):
        return OpaqueRules(height)


@pytest.fixture
def opaque(store, pool) -> Solver:
    pool.answer = lambda request: outcome(request, request.cells, verified=None, halt_reason="learned")
    return Solver({"sudoku": Opaque()}, store, pool, MemoryCache(9), Metrics(("nine",)), KEEP)


async def test_verified_is_null_fresh_and_from_the_cache(opaque) -> None:
    for cache in ("miss", "hit"):
        solution = await opaque.solve("sudoku", QUESTIONS[9], None, Options(halt="learned"))
        assert (solution.cache, solution.answer.verified) == (cache, None)


async def test_nothing_is_counted_as_verified_or_not(opaque) -> None:
    await opaque.solve("sudoku", QUESTIONS[9], None, Options(halt="learned"))
    values = [opaque.metrics.registry.get_sample_value("trm_verified_total", {"model": "nine", "verified": each}) for each in ("true", "false")]
    assert values == [0, 0]
    assert opaque.metrics.registry.get_sample_value("trm_requests_finished_total", {"model": "nine", "outcome": "solved"}) == 1


async def test_asking_to_halt_when_verified_is_refused(opaque) -> None:
    with pytest.raises(InvalidRequest, match="no rule can verify sudoku; use learned or never") as caught:
        await opaque.solve("sudoku", QUESTIONS[9], None, Options(halt="verified"))
    assert [field.pointer for field in caught.value.fields] == ["/options/halt"]


@pytest.mark.parametrize(
    ("verified", "reason", "solved"),
    [
        (True, "verified", True),
        (True, "deadline", True),
        (False, "learned", False),
        (False, "max_steps", False),
        (None, "learned", True),
        (None, "max_steps", True),
        (None, "deadline", False),
    ],
)
def test_solved_is_verified_or_where_no_rule_can_tell_halted(verified, reason, solved) -> None:
    assert is_solved(verified, reason) == solved
