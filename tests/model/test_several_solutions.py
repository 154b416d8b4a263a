"""Sudokus with several solutions, down to the empty grid, which no training prepared a model for: one of them is found."""

import numpy as np
import pytest

from app.engine.request import Outcome, Request
from app.pool.messages import WorkerSpec
from app.pool.worker import make_engines
from app.puzzles.sudoku import FEWEST, rules
from tests.model.entries import STORE
from tests.support.grids import ANSWERS, tokens

NAMES = {4: "sudoku-4x4", 6: "sudoku-6x6", 9: "sudoku"}


@pytest.mark.parametrize("side", NAMES)
def test_one_of_several_solutions_is_found(side) -> None:
    entry, rng = STORE.entries[NAMES[side]], np.random.default_rng(side)
    (engine,) = make_engines(entry, WorkerSpec(store=STORE.root, models=(entry.name,))).values()
    defaults, outcomes = entry.manifest.defaults, dict[str, Outcome]()
    numbers = {0, 1, FEWEST[side] // 2, FEWEST[side] - 1}
    for clues in numbers:
        answer = rules(side).symmetry(rng).apply(tokens(ANSWERS[side]))
        question = np.ones_like(answer)
        shown = rng.choice(side * side, clues, replace=False)
        question[shown] = answer[shown]
        engine.add(Request(str(clues), question.tobytes(), "verified", defaults.max_steps, defaults.attempts, float("inf")))
    while engine.busy:
        outcomes |= {each.id: each for each in engine.step().finished if isinstance(each, Outcome)}
    assert {name: each.verified for name, each in outcomes.items()} == {str(clues): True for clues in numbers}
