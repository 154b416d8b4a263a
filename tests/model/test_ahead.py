"""Puzzles drawn ahead by other processes: the same for the same seed however many draw them, as a source draws them, and no process is left behind."""

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from app.training.ahead import BLOCK, drawn_ahead
from app.training.data import Example
from app.training.recipes import Recipe
from app.training.train import Run
from tests.model.runs import ARC, MAZES, RECIPE, source


def drawn(recipe: Recipe, processes: int, count: int) -> list[Example]:
    with drawn_ahead(source(recipe), processes) as ahead:
        return [ahead.draw() for _ in range(count)]


@pytest.mark.parametrize("recipe", [RECIPE, MAZES, ARC], ids=["units", "mazes", "arc"])
def test_what_is_drawn_does_not_depend_on_how_many_draw(recipe: Recipe) -> None:
    one, three = (drawn(recipe, processes, 2 * BLOCK + 3) for processes in (1, 3))
    for first, second in zip(one, three, strict=True):
        assert first.puzzle_id == second.puzzle_id
        assert np.array_equal(first.question, second.question)
        assert np.array_equal(first.answer, second.answer)
    first, second = ([each.question.tobytes() for each in one[start : start + BLOCK]] for start in (0, BLOCK))
    assert first != second, "each block has a seed of its own"


def test_they_are_puzzles_of_the_source_with_their_answers() -> None:
    rules = source(RECIPE).rules
    examples = drawn(RECIPE, 2, BLOCK + 1)
    questions, answers = (np.array([each[part] for each in examples]) for part in (0, 1))
    assert rules.violations(questions, answers).sum() == 0


def test_without_processes_the_source_is_the_source() -> None:
    plain = source(RECIPE)
    with drawn_ahead(plain, 0) as ahead:
        assert ahead is plain


def test_a_run_learns_from_them_and_goes_on_and_no_process_is_left(tmp_path: Path) -> None:
    for updates in (3, 6):
        with drawn_ahead(source(RECIPE), 2) as ahead:
            run = Run(tmp_path, RECIPE.changed({"updates": updates}), ahead)
            run.train(every=3)
        assert run.update == updates
    assert not multiprocessing.active_children()
