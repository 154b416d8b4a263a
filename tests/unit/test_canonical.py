"""The one form that the symmetric copies of a Sudoku share."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.puzzles.canonical import canonical
from app.puzzles.sudoku import rules
from app.training.generator import generate
from tests.support.grids import ANSWERS, BOXES, QUESTIONS, SIDES, tokens

CLUES = {4: (4, 8), 6: (8, 16), 9: (24, 36)}


def symmetry_of(question):
    side = int(len(question) ** 0.5)
    return canonical(question.tobytes(), BOXES[side], rules(side).blank)


def form(question):
    return symmetry_of(question).apply(question)


@pytest.mark.parametrize("side", [6, 9])
def test_copies_of_a_known_puzzle_have_one_form(side) -> None:
    question, rng = tokens(QUESTIONS[side]), np.random.default_rng(side)
    copies = [rules(side).symmetry(rng).apply(question) for _ in range(100)]
    assert {form(copy).tobytes() for copy in copies} == {form(question).tobytes()}


@pytest.mark.parametrize(("side", "shared"), [(4, 0.8), (6, 0.9), (9, 0.98)])
def test_copies_of_nearly_all_puzzles_have_one_form(side, shared) -> None:
    rng = np.random.default_rng(0)
    questions = generate(side, 100, CLUES[side], rng).questions
    assert np.mean([(form(rules(side).symmetry(rng).apply(question)) == form(question)).all() for question in questions]) >= shared


@given(st.sampled_from(SIDES), st.integers(0, 2**32), st.floats(0, 1))
def test_the_form_is_a_symmetric_copy(side, seed, shown) -> None:
    rng, answer = np.random.default_rng(seed), tokens(ANSWERS[side])
    question = np.where(rng.random(side * side) < shown, answer, rules(side).blank).astype(np.uint8)
    symmetry = symmetry_of(question)
    assert (symmetry.invert(symmetry.apply(question)) == question).all()
    assert rules(side).violations(symmetry.apply(question)[None], symmetry.apply(answer)[None]) == [0], "what solves a puzzle solves its form"


@pytest.mark.parametrize("side", SIDES)
def test_different_puzzles_have_different_forms(side) -> None:
    question = tokens(QUESTIONS[side])
    givens = np.flatnonzero(question != rules(side).blank)
    easier = [np.where(np.arange(side * side) == given, rules(side).blank, question).astype(np.uint8) for given in givens]
    assert all((form(each) != form(question)).any() for each in easier)
