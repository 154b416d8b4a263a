"""Known mazes with their answers, and naive checkers on rows of text, written without a look at the ones under test."""

from collections.abc import Callable

import numpy as np

from app.puzzles.base import Tokens

Rows = list[str]
Cell = tuple[int, int]

SQUARE = ["S #  ", "# # #", "     ", " ### ", "   #G"]
SQUARE_ANSWER = ["So#  ", "#o# #", " oooo", " ###o", "   #G"]
WIDE = ["# #   G", "  # # #", "#   #  ", "# ### #", "S   #  "]
WIDE_ANSWER = ["# #oooG", "  #o# #", "#ooo#  ", "#o### #", "So  #  "]
MAZES = {"5x5": (SQUARE, SQUARE_ANSWER), "5x7": (WIDE, WIDE_ANSWER)}


def tokens(rows: Rows) -> Tokens:
    """The model's tokens: `# SGo` are 1 to 5, whatever else is written is 0."""
    return np.array(["# SGo".find(symbol) + 1 for symbol in "".join(rows)], dtype=np.uint8)


def rows_of(grid: Tokens, width: int) -> Rows:
    """The other way round, `?` for what is no symbol."""
    text = "".join("?# SGo"[token] if token < 6 else "?" for token in grid.tolist())
    return [text[start : start + width] for start in range(0, len(text), width)]


def cells_of(rows: Rows, symbols: str) -> set[Cell]:
    return {(row, column) for row, line in enumerate(rows) for column, symbol in enumerate(line) if symbol in symbols}


def beside(cell: Cell, among: set[Cell]) -> set[Cell]:
    """Which cells of a set touch a cell."""
    row, column = cell
    return {(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)} & among


def is_right(question: Rows, answer: Rows) -> bool:
    """Whether one can walk from S to G over every mark without ever having a choice, and nothing else was changed."""
    marks, ((here,), (goal,)) = cells_of(answer, "o"), (cells_of(question, symbol) for symbol in "SG")
    if [line.replace("o", " ") for line in answer] != question or not marks <= cells_of(question, " "):
        return False
    left = marks | {goal}
    while here != goal:
        ahead = beside(here, left)
        if len(ahead) != 1:
            return False
        (here,) = ahead
        left -= ahead
    return not left


def broken_rules(question: Rows, answer: Rows) -> int:
    """How many cells were changed that may not be, plus path cells with a wrong number of neighbours, plus those that S does not reach."""
    marks, starts, goals = cells_of(answer, "o"), cells_of(question, "S"), cells_of(question, "G")
    pairs = [pair for before, after in zip(question, answer, strict=True) for pair in zip(before, after, strict=True)]
    changed = sum(before != after and (before, after) != (" ", "o") for before, after in pairs)
    path = marks | starts | goals
    wrong = sum(len(beside(cell, path)) != (1 if cell in starts | goals else 2) for cell in path)
    reached, new = set(starts), set(starts)
    while new:
        new = {cell for each in new for cell in beside(each, path)} - reached
        reached |= new
    return changed + wrong + len(path - reached)


def shortest_paths(question: Rows) -> tuple[int, int]:
    """How many moves the shortest path from S to G takes and how many paths are that short; (0, 0) where there is none."""
    ((start,), (goal,)), open_cells = (cells_of(question, symbol) for symbol in "SG"), cells_of(question, " SG")
    ways, seen, moves = {start: 1}, {start}, 0
    while ways:
        if goal in ways:
            return moves, ways[goal]
        found: dict[Cell, int] = {}
        for cell, count in ways.items():
            for near in beside(cell, open_cells - seen):
                found[near] = found.get(near, 0) + count
        ways, moves, seen = found, moves + 1, seen | set(found)
    return 0, 0


def solved(question: Rows) -> Rows:
    """A maze that has one path only with that path marked: dead ends are walked up until none is left."""
    ways, ends = cells_of(question, " "), cells_of(question, "SG")
    while dead := {cell for cell in ways if len(beside(cell, ways | ends)) < 2}:
        ways -= dead
    return ["".join("o" if (row, column) in ways else symbol for column, symbol in enumerate(line)) for row, line in enumerate(question)]


def answer_to(width: int) -> Callable[[bytes], bytes]:
    """What an oracle needs to know: the answer, as tokens, of any maze so wide that has one path only."""
    return lambda question: tokens(solved(rows_of(np.frombuffer(question, dtype=np.uint8), width))).tobytes()
