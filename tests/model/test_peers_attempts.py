"""What the peers serve: one attempt at each puzzle of a batch with the real model."""

import numpy as np
import pytest

from app.puzzles.sudoku import rules
from app.training.evaluate import with_clues
from app.training.generator import generate
from bench.peers.attempts import Solver
from bench.peers.grids import text, tokens
from bench.peers.options import Options

RNG = np.random.default_rng(0)
PUZZLES = with_clues(generate(9, 12, (22, 26), RNG), 30, RNG)
ASKED = [{"grid": text(question), "guessed": index % 3 == 0} for index, question in enumerate(PUZZLES.questions)]
IMPOSSIBLE = {"grid": "11" + "0" * 79, "guessed": False}


def solver(rows, batch: int, step="onnx") -> Solver:
    return Solver(Options(port=0, workers=1, threads=1, batch=batch, wait_ms=0, rows=rows, step=step))


@pytest.mark.parametrize("step", ["onnx", "auto"])
@pytest.mark.parametrize("rows", ["shrink", "keep"])
def test_answers_come_in_the_order_of_the_questions(rows, step) -> None:
    found = solver(rows, 13, step)([*ASKED[:5], IMPOSSIBLE, *ASKED[5:]])
    assert not found.pop(5)["verified"]
    assert sum(each["verified"] for each in found) >= 10
    for each, answer in zip(found, PUZZLES.answers, strict=True):
        assert each["verified"] == (each["grid"] == text(answer))


def test_an_answer_does_not_depend_on_its_batch_nor_on_what_becomes_of_solved_rows() -> None:
    together = solver("shrink", 12)(ASKED)
    assert together == solver("keep", 12)(ASKED)
    alone = solver("shrink", 1)
    assert together == [alone([each])[0] for each in ASKED]


def test_solved_rows_leave_the_batch_or_are_stepped_on() -> None:
    sizes = {}
    for rows in ("shrink", "keep"):
        counting = solver(rows, 13)
        step, sizes[rows] = counting.runner.step, []
        counting.runner.step = lambda size, step=step, seen=sizes[rows]: (seen.append(size), step(size))[1]
        counting([*ASKED, IMPOSSIBLE])
    assert len(sizes["shrink"]) == len(sizes["keep"]) == counting.steps[False]  # what has no answer takes all its steps
    assert set(sizes["keep"]) == {13}
    assert sizes["shrink"][0] == 13
    assert sizes["shrink"][-1] == 1
    assert sizes["shrink"] == sorted(sizes["shrink"], reverse=True)


def test_verified_is_what_the_rules_say() -> None:
    for asked, found in zip(ASKED, solver("shrink", 12)(ASKED), strict=True):
        assert found["verified"] == (rules(9).violations(tokens(asked["grid"])[None], tokens(found["grid"])[None])[0] == 0)
