"""The figures of an evaluation, of a runner whose depth on every puzzle is known."""

import math
from pathlib import Path

import numpy as np
import pytest

from app.energy import Energy
from app.training.data import PuzzleSet
from app.training.evaluate import Budget, evaluate, table, with_clues
from app.training.generator import generate
from tests.support.energy import zone
from tests.support.engines import engine
from tests.support.grids import broken_rules

PUZZLES = generate(4, 4, (6, 6), np.random.default_rng(0))
QUESTIONS = [question.tobytes() for question in PUZZLES.questions]


def report(depths: list[float], puzzles: PuzzleSet = PUZZLES, powercap: Path | None = None, **budget):
    """Of puzzles that take `depths` steps, and any copy of them one step."""
    known = dict(zip(QUESTIONS, depths, strict=True))
    usual = {"halt": "verified", "max_steps": 8, "attempts": 1}
    machine = Energy(powercap=powercap or Path("/nowhere"))
    return evaluate(engine(4, depth=lambda question: known.get(question, 1)), puzzles, Budget(**usual | budget), "four", machine)


def test_shares_and_steps_are_counted_over_all_puzzles() -> None:
    found = report([1, 2, 4, math.inf])
    assert (found.data, found.puzzles, found.verified, found.wrong) == ("four", 4, 0.75, 0)
    assert (found.mean_steps, found.median_steps, found.mean_attempts) == (3.75, 3, 1)


def test_by_depth_is_the_share_verified_within_so_many_steps() -> None:
    assert report([1, 2, 4, math.inf]).by_depth == {1: 0.25, 2: 0.5, 4: 0.75, 8: 0.75}


def test_by_depth_counts_the_first_attempt_only() -> None:
    found = report([1, 1, 1, math.inf], max_steps=2, attempts=2)
    assert found.by_depth == {1: 0.75, 2: 0.75}
    assert found.by_attempts == {1: 0.75, 2: 1.0}
    assert (found.verified, found.mean_attempts, found.mean_steps) == (1.0, 1.25, 1.5)


def test_an_answer_that_the_list_does_not_have_is_wrong_though_the_rules_accept_it() -> None:
    answers = PUZZLES.answers.copy()
    answers[0] = answers[0][::-1]
    found = report([1, 1, 1, 1], PuzzleSet(PUZZLES.questions, answers, 4, 4))
    assert (found.verified, found.wrong) == (1.0, 1)


def test_a_table_has_a_line_for_every_list() -> None:
    lines = table([report([1, 2, 4, math.inf])] * 2).splitlines()
    figures = [line for line in lines if line.startswith("| four | 4 | 75.00% |")]
    assert len(figures) == 2
    assert " | 3.75 | 3.0 | 1.0 | " in figures[0]


def test_joules_are_told_where_the_machine_tells_them(tmp_path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    found = report([1, 1, 1, 1], powercap=tmp_path)
    assert found.to_json()["joules_per_puzzle"] == 0
    assert "| whole device | joules / puzzle |\n| --- | --- |\n| four | 0.0 |" in table([found])


def test_what_the_package_spent_is_divided_by_the_puzzles(tmp_path, monkeypatch) -> None:
    readings = iter([{"package-0": 2.0, "package-1": 1.0}, {"package-0": 5.0, "package-1": 3.0}])
    monkeypatch.setattr(Energy, "read", lambda _: next(readings))
    assert report([1, 1, 1, 1]).joules_per_puzzle == 1.25


def test_nothing_is_said_of_joules_where_the_machine_does_not_tell() -> None:
    found = report([1, 1, 1, 1])
    assert "joules_per_puzzle" not in found.to_json()
    assert "joules" not in table([found])


@pytest.mark.parametrize("clues", [6, 10, 16])
def test_with_clues_reveals_right_cells_until_so_many_are_shown(clues) -> None:
    easier = with_clues(PUZZLES, clues, np.random.default_rng(0))
    for before, question, answer in zip(PUZZLES.questions, easier.questions, easier.answers, strict=True):
        assert (question > 1).sum() == max(clues, (before > 1).sum())
        assert ((before == 1) | (before == question)).all()
        assert broken_rules((question - 1).tolist(), (answer - 1).tolist(), 4) == 0


def test_with_clues_leaves_puzzles_that_show_more_as_they_are() -> None:
    assert (with_clues(PUZZLES, 3, np.random.default_rng(0)).questions == PUZZLES.questions).all()
