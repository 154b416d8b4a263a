"""The rules as torch operations, and those of Sudoku in C, count what numpy's count: on answers, on broken ones, and on grids of chance."""

import numpy as np
import pytest
import torch

from app.engine.native.builds import builds
from app.engine.native.judge import Judge
from app.engine.torch_rules import check
from app.puzzles.families import FAMILIES
from app.puzzles.maze import FREE, GOAL, PATH, START, WALL
from app.puzzles.sudoku import SudokuRules
from app.training import mazes as generated
from tests.support.grids import ANSWERS, QUESTIONS, tokens
from tests.support.mazes import MAZES
from tests.support.mazes import tokens as maze_tokens

SIZES = [("sudoku", 4, 4), ("sudoku", 6, 6), ("sudoku", 9, 9), ("maze", 5, 5), ("maze", 7, 12), ("maze", 13, 6), ("maze", 30, 30), ("arc", 6, 6)]


def counts(family: str, height: int, width: int, questions: np.ndarray, answers: np.ndarray) -> list[int]:
    """What all say, which is the same."""
    rules = FAMILIES[family].rules(height, width)
    expected = rules.violations(questions, answers).tolist()
    assert check(family, height, width, "cpu")(torch.from_numpy(questions), torch.from_numpy(answers)).tolist() == expected
    for build in builds() if isinstance(rules, SudokuRules) else ():
        slots = np.random.default_rng(0).permutation(len(questions)).astype(np.int32)
        held = np.empty_like(questions)
        held[slots] = questions
        judge = Judge(build, rules, slots, held, answers)
        assert judge(len(questions)).tolist() == expected
        assert judge(3).tolist() == expected[:3]
    return expected


def maze_questions(height: int, width: int, count: int, walls: float, rng: np.random.Generator) -> np.ndarray:
    """Grids of walls by chance with one S and one G, joined or not."""
    grids = np.where(rng.random((count, height * width)) < walls, WALL, FREE).astype(np.uint8)
    for grid in grids:
        grid[rng.choice(height * width, 2, replace=False)] = START, GOAL
    return grids


@pytest.mark.parametrize(("family", "height", "width"), SIZES)
@pytest.mark.parametrize("density", [0.05, 0.3, 0.6, 0.9])
def test_on_grids_of_chance(family: str, height: int, width: int, density: float) -> None:
    rng = np.random.default_rng(height)
    if family == "maze":
        questions = maze_questions(height, width, 200, 0.3, rng)
        answers = np.where((rng.random(questions.shape) < density) & (questions == FREE), PATH, questions).astype(np.uint8)
        answers[::3] = rng.integers(0, 6, answers[::3].shape)
    else:
        questions = rng.integers(1, height + 2, (200, height * width), dtype=np.uint8)
        answers = np.where(rng.random(questions.shape) < density, questions, rng.integers(0, 12, questions.shape)).astype(np.uint8)
    assert family == "arc" or len(set(counts(family, height, width, questions, answers))) > 5


@pytest.mark.parametrize("side", [4, 6, 9])
def test_on_solved_and_nearly_solved_sudokus(side: int) -> None:
    rules, rng = FAMILIES["sudoku"].rules(side, side), np.random.default_rng(side)
    symmetries = [rules.symmetry(rng) for _ in range(50)]
    questions, answers = (np.stack([each.apply(tokens(texts[side])) for each in symmetries]) for texts in (QUESTIONS, ANSWERS))
    assert set(counts("sudoku", side, side, questions, answers)) == {0}
    for number, answer in enumerate(answers):
        answer[number % side] = rng.integers(0, 12)
    assert np.count_nonzero(counts("sudoku", side, side, questions, answers)) > 0


@pytest.mark.parametrize(("height", "width"), [(5, 5), (9, 14), (30, 30)])
def test_on_solved_and_nearly_solved_mazes(height: int, width: int) -> None:
    rng = np.random.default_rng(height)
    found = generated.generate(height, width, 40, rng, loopy=0.5)
    assert set(counts("maze", height, width, found.questions, found.answers)) == {0}
    answers = found.answers.copy()
    for answer in answers:
        answer[rng.integers(height * width)] ^= 6  # a path becomes an S, a free cell a wall
    assert 0 not in counts("maze", height, width, found.questions, answers)


@pytest.mark.parametrize("name", MAZES)
def test_on_the_mazes_of_the_other_tests(name) -> None:
    question, answer = (maze_tokens(each)[None] for each in MAZES[name])
    assert counts("maze", len(MAZES[name][0]), len(MAZES[name][0][0]), question, answer) == [0]


def serpentine(side: int, rows_first: bool) -> np.ndarray:
    """One path through every other row, from one corner on: as long and winding as a path can be."""
    grid = np.full((side, side), WALL, dtype=np.uint8)
    grid[::2] = PATH
    for row in range(1, side - 1, 2):
        grid[row, -1 if row % 4 == 1 else 0] = PATH
    last = side - 1 - (side - 1) % 2
    grid[0, 0], grid[last, -1 if last % 4 == 0 else 0] = START, GOAL
    return grid if rows_first else grid.T.copy()


@pytest.mark.parametrize("side", [5, 12, 29, 30])
@pytest.mark.parametrize("rows_first", [True, False])
def test_on_the_longest_paths_whole_and_cut(side: int, rows_first: bool) -> None:
    """Numbered along, backwards and in mirror images, so that low numbers are everywhere."""
    answer = serpentine(side, rows_first)
    answers = np.stack([image[::down, ::across].ravel() for image in (answer, answer.T) for down in (1, -1) for across in (1, -1)])
    questions = np.where(answers == PATH, FREE, answers).astype(np.uint8)
    assert set(counts("maze", side, side, questions, answers)) == {0}
    for number, each in enumerate(answers):
        marks = np.flatnonzero(each == PATH)
        each[marks[(number + 1) * len(marks) // 10]] = FREE
    lost = counts("maze", side, side, questions, answers)
    assert 0 not in lost
    assert max(lost) > side


def test_a_rule_set_for_another_size_is_of_the_same_family() -> None:
    questions = maze_questions(8, 8, 20, 0.2, np.random.default_rng(0))
    first = check("maze", 30, 30, "cpu").on(8, 8)(torch.from_numpy(questions), torch.from_numpy(questions))
    assert first.tolist() == FAMILIES["maze"].rules(8, 8).violations(questions, questions).tolist()
