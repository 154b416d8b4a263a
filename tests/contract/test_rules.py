"""What the rules of every family and size do."""

from itertools import islice
from random import Random

import numpy as np
import pytest

from app.puzzles.base import Rules
from app.puzzles.families import FAMILIES
from app.puzzles.guessing import ROUNDS
from app.puzzles.sudoku import ENOUGH, Sudoku
from tests.support import mazes
from tests.support.grids import ANSWERS, QUESTIONS, SIDES, tokens

Case = tuple[Rules, np.ndarray, np.ndarray]

SUDOKUS = {f"sudoku-{side}": ("sudoku", side, side, tokens(QUESTIONS[side]), tokens(ANSWERS[side])) for side in SIDES}
MAZES = {
    f"maze-{size}": ("maze", len(question), len(question[0]), mazes.tokens(question), mazes.tokens(answer)) for size, (question, answer) in mazes.MAZES.items()
}
CASES = SUDOKUS | MAZES


def made(family: str, height: int, width: int, question: np.ndarray, answer: np.ndarray) -> Case:
    """The rules of one size with a question and its answer, both (1, cells)."""
    return FAMILIES[family].rules(height, width), question[None], answer[None]


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return made(*CASES[request.param])


@pytest.fixture(params=SUDOKUS)
def sudoku(request: pytest.FixtureRequest) -> Case:
    return made(*CASES[request.param])


@pytest.fixture(params=MAZES)
def maze(request: pytest.FixtureRequest) -> Case:
    return made(*CASES[request.param])


def test_every_family_has_a_case() -> None:
    assert {family for family, *_ in CASES.values()} | {"arc"} == set(FAMILIES)


def test_the_answer_breaks_no_rule_and_the_question_itself_does(case) -> None:
    rules, question, answer = case
    assert rules.violations(question, answer).tolist() == [0]
    assert rules.violations(question, question)[0] > 0


def test_an_answer_with_any_cell_changed_breaks_a_rule(case) -> None:
    rules, question, answer = case
    tokens = np.unique(answer)
    changed = np.repeat(answer, answer.size, axis=0)
    np.fill_diagonal(changed, tokens[(np.searchsorted(tokens, answer) + 1) % tokens.size])
    assert ((changed != answer).sum(axis=1) == 1).all()
    assert (rules.violations(np.repeat(question, len(changed), axis=0), changed) > 0).all()


def test_an_answer_to_another_question_breaks_a_rule(case) -> None:
    rules, question, answer = case
    other = rules.symmetry(np.random.default_rng(1)).apply(answer)
    assert rules.violations(question, other)[0] > 0


def test_a_batch_is_judged_as_its_members_are(case) -> None:
    rules, question, answer = case
    answers = np.concatenate([answer, question, answer[:, ::-1], np.zeros_like(answer)])
    batch = rules.violations(np.repeat(question, 4, axis=0), answers)
    assert batch.tolist() == [rules.violations(question, each[None])[0] for each in answers]


def test_one_answer_alone_is_judged_as_in_a_batch(case) -> None:
    rules, question, answer = case
    changed = np.repeat(answer, answer.size, axis=0)
    np.fill_diagonal(changed, question)
    for each in (*answer, *question, *changed, np.zeros_like(answer[0])):
        optimal = rules.optimal(question, each[None])
        expected = rules.violations(question, each[None])[0] == 0, None if optimal is None else bool(optimal[0])
        assert rules.judged(question.tobytes(), each.tobytes()) == expected


def test_judging_changes_nothing(case) -> None:
    rules, question, answer = case
    before = question.copy(), answer.copy()
    rules.violations(question, answer)
    rules.optimal(question, answer)
    assert (question == before[0]).all()
    assert (answer == before[1]).all()


@pytest.mark.parametrize("seed", range(20))
def test_a_symmetric_copy_is_as_right_as_the_original_and_comes_back(case, seed) -> None:
    rules, question, answer = case
    symmetry = rules.symmetry(np.random.default_rng(seed))
    assert rules.violations(symmetry.apply(question), symmetry.apply(answer)).tolist() == [0]
    assert rules.violations(symmetry.apply(question), symmetry.apply(question)) == rules.violations(question, question)
    assert (symmetry.invert(symmetry.apply(answer)) == answer).all()


@pytest.mark.parametrize("seed", range(20))
def test_arc_has_no_judge_and_its_copies_come_back(seed) -> None:
    grid = FAMILIES["arc"].parse([[1, 2, 3], [0, 4, 9]])
    rules, question = FAMILIES["arc"].rules(6, 6), np.frombuffer(FAMILIES["arc"].place(grid, 6, 6), dtype=np.uint8)
    symmetry = rules.symmetry(np.random.default_rng(seed))
    assert (symmetry.invert(symmetry.apply(question)) == question).all()
    assert not rules.verifiable
    assert rules.violations(question[None], question[None]).tolist() == [1]
    assert rules.judged(question.tobytes(), question.tobytes()) == (None, None)


def test_symmetries_follow_from_the_seed_alone(case) -> None:
    rules, question, _ = case
    copies = [rules.symmetry(np.random.default_rng(seed)).apply(question).tobytes() for seed in (1, 1, 2)]
    assert copies[0] == copies[1] != copies[2]


def test_no_solved_sudoku_is_better_than_another(sudoku) -> None:
    rules, question, answer = sudoku
    assert rules.optimal(question, answer) is None


def test_the_best_answer_to_a_maze_is_optimal_and_the_question_is_not(maze) -> None:
    rules, question, answer = maze
    assert rules.optimal(np.repeat(question, 2, axis=0), np.concatenate([answer, question])).tolist() == [True, False]


def test_nothing_is_guessed_in_a_maze(maze) -> None:
    rules, question, _ = maze
    assert list(rules.guesses(question[0].tobytes(), 3, 4, Random(0))) == []


def test_guesses_at_a_sudoku_fill_open_cells_and_contradict_nothing(sudoku) -> None:
    rules, question, _ = sudoku
    for number, supposed in enumerate(islice(rules.guesses(question[0].tobytes(), 2, 4, Random(0)), 3 * (ROUNDS + 1)), 1):
        changed = np.frombuffer(supposed, dtype=np.uint8) != question[0]
        assert changed.sum() == 2 if number % (ROUNDS + 1) else 2 < changed.sum() <= max(ENOUGH[rules.side] - (question != 1).sum(), 4)
        assert (question[0][changed] == 1).all()
        Sudoku().parse(Sudoku().render(supposed, ""))  # refuses grids that contradict themselves
