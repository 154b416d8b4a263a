"""Generated puzzles, counted and judged by a search and a checker of the tests' own."""

import numpy as np
import pytest

from app.training.generator import Search, dig, full_grid, generate, guesses
from tests.support.grids import ANSWERS, QUESTIONS, SIDES, broken_rules, count_answers, digits, tokens

CLUES = {4: (4, 6), 6: (8, 14), 9: (26, 36)}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("side", SIDES)
def test_a_generated_puzzle_has_exactly_one_answer(side) -> None:
    puzzles = generate(side, 6, CLUES[side], rng())
    for question, answer in zip(puzzles.questions, puzzles.answers, strict=True):
        asked, solved = (question - 1).tolist(), (answer - 1).tolist()
        assert broken_rules(asked, solved, side) == 0
        assert count_answers(asked, side) == 1


def test_the_same_seed_gives_the_same_puzzles_and_another_gives_others() -> None:
    first, again, other = (generate(6, 3, (8, 14), rng(seed)).questions.tobytes() for seed in (1, 1, 2))
    assert first == again != other


def test_clues_are_taken_down_to_the_count_asked_for() -> None:
    questions = generate(9, 5, (40, 45), rng()).questions
    assert all(40 <= shown <= 45 for shown in (questions > 1).sum(1))


def test_digging_stops_where_one_cell_less_would_allow_a_second_answer() -> None:
    question = dig(full_grid(4, rng()), 0, rng())
    for cell in np.flatnonzero(question):
        assert count_answers([0 if index == cell else digit for index, digit in enumerate(question)], 4) == 2


@pytest.mark.parametrize("side", SIDES)
def test_a_full_grid_obeys_the_rules_and_differs_with_the_seed(side) -> None:
    grids = [full_grid(side, rng(seed)) for seed in range(3)]
    assert [broken_rules([0] * side * side, grid, side) for grid in grids] == [0, 0, 0]
    assert grids[0] != grids[1] != grids[2]


@pytest.mark.parametrize("side", SIDES)
def test_the_search_finds_the_answer(side) -> None:
    assert Search(side).run(digits(QUESTIONS[side]), 2).solutions == [digits(ANSWERS[side])]


def test_the_search_finds_no_answer_where_there_is_none() -> None:
    assert Search(4).run(digits("123....." + "...4" + "...."), 2).solutions == []


@pytest.mark.parametrize("limit", [1, 2, 7, 288])
def test_the_search_stops_at_the_limit(limit) -> None:
    found = Search(4).run([0] * 16, limit).solutions
    assert len({tuple(solution) for solution in found}) == len(found) == limit


def test_all_288_grids_of_4x4_are_found_and_no_more() -> None:
    assert len(Search(4).run([0] * 16, 1000).solutions) == 288


def test_guesses_are_none_for_forced_cells_and_many_for_an_open_grid() -> None:
    assert guesses(tokens(ANSWERS[4][:-3] + "...")) == 0
    assert guesses(tokens(QUESTIONS[9])) == 0
    assert guesses(tokens("." * 16)) > 2
