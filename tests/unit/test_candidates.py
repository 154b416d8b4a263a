"""What open cells may hold, against the rules as anyone would write them down, and which of them is scarcest."""

from collections import Counter
from random import Random

import numpy as np
import pytest

from app.puzzles.candidates import nth
from app.puzzles.sudoku import BLANK, SudokuRules, rules
from tests.support.grids import ANSWERS, SIDES, tokens


def plainly(known: SudokuRules, question: bytes, cell: int) -> list[int]:
    """The digits that stand in no row, column or box of a cell."""
    seen = {question[other] for unit in known.units.tolist() if cell in unit for other in unit}
    return [token for token in range(BLANK + 1, BLANK + 1 + known.side) if token not in seen]


def questions(side: int, count: int) -> list[bytes]:
    """Parts of an answer, from hardly any of it to nearly all."""
    answer, rng = tokens(ANSWERS[side]), np.random.default_rng(side)
    return [np.where(rng.random(side * side) < rng.random(), answer, BLANK).astype(np.uint8).tobytes() for _ in range(count)]


@pytest.mark.parametrize("side", SIDES)
def test_they_are_the_digits_that_no_row_column_or_box_of_the_cell_has(side) -> None:
    for question in questions(side, 50):
        left = rules(side).size.candidates(question)
        assert [cell for cell in range(side * side) if left.open >> cell & 1] == [cell for cell, token in enumerate(question) if token == BLANK]
        for cell, token in enumerate(question):
            assert left.tokens(cell) == (plainly(rules(side), question, cell) if token == BLANK else [])


@pytest.mark.parametrize("side", SIDES)
def test_what_is_left_beside_a_digit_is_what_the_question_with_it_leaves(side) -> None:
    for question in questions(side, 50):
        left = rules(side).size.candidates(question)
        for cell in range(0, side * side, 3):
            for token in left.tokens(cell):
                supposed = question[:cell] + bytes([token]) + question[cell + 1 :]
                assert left.supposing(cell, token) == rules(side).size.candidates(supposed)


@pytest.mark.parametrize("among", [1, 4, 30])
@pytest.mark.parametrize("side", SIDES)
def test_the_scarcest_cells_are_drawn_as_if_all_had_been_sorted(side, among) -> None:
    chance = Random(0)
    for question in questions(side, 5):
        left = rules(side).size.candidates(question)
        if not left.open:
            continue
        counts = {cell: len(left.tokens(cell)) for cell, token in enumerate(question) if token == BLANK}
        drawn = Counter(counts[left.scarcest(among, chance.random)] for _ in range(3000))
        places = sorted(counts.values())[:among]
        for count in range(side + 1):
            assert drawn[count] / 3000 == pytest.approx(places.count(count) / len(places), abs=0.05)


def test_cells_with_equally_many_are_drawn_equally_often() -> None:
    left, chance = rules(4).size.candidates(bytes([BLANK] * 16)), Random(0)
    drawn = Counter(left.scarcest(1, chance.random) for _ in range(16_000))
    assert set(drawn) == set(range(16))
    assert all(count == pytest.approx(1000, rel=0.2) for count in drawn.values())


def test_a_cell_that_can_hold_nothing_comes_before_all_others() -> None:
    left = rules(9).size.candidates(tokens("12345678." + "." * 9 + "........9" + "." * 54).tobytes())
    assert {left.scarcest(4, Random(seed).random) for seed in range(20)} == {8}
    assert left.tokens(8) == []


def test_cells_of_a_set_are_counted_from_the_first() -> None:
    assert [nth(0b1011000, index) for index in range(3)] == [3, 4, 6]
