"""Of several unsolved attempts the engine keeps the answer that breaks the fewest rules."""

import numpy as np

from app.engine.engine import Engine
from app.puzzles.sudoku import rules
from tests.support.engines import solve
from tests.support.grids import ANSWERS, tokens
from tests.support.requests import ask

RIGHT = tokens(ANSWERS[4])


def spoiled(cells: int) -> np.ndarray:
    """The right answer with its first cells left blank."""
    answer = RIGHT.copy()
    answer[:cells] = 1
    return answer


class Scripted:
    """Gives one answer after another, each made for the puzzle itself and shown on whatever copy is in the slot."""

    device, slots, cells = "cpu", 1, 16

    def __init__(self, *spoils: int) -> None:
        self.spoils = list(spoils)

    def load(self, slot, tokens, puzzle_id=0, question=None):
        pass

    def step(self, size, first=0):
        return self.copied(spoiled(self.spoils.pop(0)))[None], np.array([[float(len(self.spoils)), -1.0]], dtype=np.float32)

    def copied(self, answer):
        symmetry = next(iter(self.engine.scheduler.entries.values())).symmetry
        return symmetry.apply(answer) if symmetry else answer


def best_of(*spoils: int) -> tuple[bytes, int]:
    runner = Scripted(*spoils)
    runner.engine = Engine(runner, rules(4))
    outcome = solve(runner.engine, ask("a", cells=bytes([1]) * 16, max_steps=1, attempts=len(spoils)))
    return outcome.cells, round(outcome.halt_probability, 3)


def test_the_best_attempt_is_kept_wherever_it_comes() -> None:
    for spoils in ((1, 6, 12), (6, 1, 12), (12, 6, 1)):
        assert best_of(*spoils)[0] == spoiled(1).tobytes()


def test_the_halting_probability_is_that_of_the_answer_kept() -> None:
    assert [best_of(1, 6, 12)[1], best_of(6, 1, 12)[1], best_of(12, 6, 1)[1]] == [0.881, 0.731, 0.5]


def test_the_first_of_equally_good_attempts_is_kept() -> None:
    runner_up = spoiled(1)
    assert best_of(1, 1) == (runner_up.tobytes(), 0.731)
