"""Known puzzles with their answers, and naive checkers written without a look at the ones under test."""

import numpy as np

from app.puzzles.base import Tokens

BOXES = {4: (2, 2), 6: (2, 3), 9: (3, 3)}
SIDES = tuple(BOXES)

QUESTIONS = {
    4: "1.....3..4.....2",
    6: ".13..2..5...1.......4.3..2...6.5....",
    9: "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79",
}
ANSWERS = {
    4: "1324423124133142",
    6: "613542245613132465564231421356356124",
    9: "534678912672195348198342567859761423426853791713924856961537284287419635345286179",
}


def digits(text: str) -> list[int]:
    return [0 if symbol == "." else int(symbol) for symbol in text]


def tokens(text: str) -> Tokens:
    """The model's tokens of a grid: 1 blank, digit d -> d + 1."""
    return np.array(digits(text), dtype=np.uint8) + 1


def rows(text: str) -> list[list[int]]:
    side = int(len(text) ** 0.5)
    return [digits(text[start : start + side]) for start in range(0, len(text), side)]


def unit_cells(side: int) -> list[list[int]]:
    """The cells of every row, every column and every box."""
    tall, wide = BOXES[side]
    every = range(side)
    lines = [[row * side + column for column in every] for row in every]
    columns = [[row * side + column for row in every] for column in every]
    corners = [(top, left) for top in range(0, side, tall) for left in range(0, side, wide)]
    boxes = [[(top + down) * side + left + right for down in range(tall) for right in range(wide)] for top, left in corners]
    return lines + columns + boxes


def broken_rules(question: list[int], answer: list[int], side: int) -> int:
    """How many units lack a digit, plus how many givens were changed."""
    units = sum({answer[cell] for cell in unit} != set(range(1, side + 1)) for unit in unit_cells(side))
    return units + sum(given not in (0, found) for given, found in zip(question, answer, strict=True))


def count_answers(question: list[int], side: int, limit: int = 2) -> int:
    """How many ways there are to fill a grid, counting no further than `limit`."""
    grid, units = list(question), unit_cells(side)
    peers = [{other for unit in units if cell in unit for other in unit} - {cell} for cell in range(side * side)]

    def options(cell: int) -> set[int]:
        return set(range(1, side + 1)) - {grid[peer] for peer in peers[cell]}

    def count() -> int:
        empty = [cell for cell, digit in enumerate(grid) if not digit]
        if not empty:
            return 1
        cell, found = min(empty, key=lambda cell: len(options(cell))), 0
        for digit in sorted(options(cell)):
            grid[cell] = digit
            found += count()
            grid[cell] = 0
            if found >= limit:
                break
        return min(found, limit)

    return count()
