"""Grids for a terminal, in the contract's form: what is wall or given, what the model found, what changed last. Knows no rules and no models.

Without colours a drawing is plain text, which `trm solve` reads again.
"""

from collections.abc import Collection, Iterable
from math import isqrt

from rich.text import Text

from app.api.schemas import PuzzleIn
from app.puzzles.sudoku import BOXES

GIVEN, FOUND, CHANGED = "", "bold green", "bold black on yellow"
MAZE = {"#": "bright_black on bright_black", "S": "bold cyan", "G": "bold magenta", "o": FOUND}
COLOURS = (16, 26, 160, 34, 226, 244, 201, 208, 45, 88)
"""Terminal colours, of 256, in which ARC's ten are usually shown."""
Cells = Collection[tuple[int, int]]


def draw(puzzle: PuzzleIn, grid: object, changed: Cells = ()) -> Text:
    """A grid that answers a puzzle, in the form of its own; `changed` cells, by row and column from 0, stand out."""
    rows = _rows(grid)
    if puzzle.type == "sudoku":
        return _sudoku(_rows(puzzle.grid), rows, changed)
    return _lines([_cell(puzzle.type, symbol, (row, column) in changed) for column, symbol in enumerate(line)] for row, line in enumerate(rows))


def _rows(grid: object) -> list[list[str]]:
    """The symbols of a grid, whichever its form."""
    if isinstance(grid, str):
        side = isqrt(len(grid))
        return [list(grid[start : start + side]) for start in range(0, side * side, side)]
    assert isinstance(grid, list)
    return [[str(symbol) for symbol in line] for line in grid]


def _lines(rows: Iterable[list[Text]]) -> Text:
    return Text("\n").join(Text().join(cells) for cells in rows)


def _cell(family: str, symbol: str, changed: bool) -> Text:
    if family == "arc":
        return Text(f" {symbol} ", f"{'bold ' * changed}on color({COLOURS[int(symbol)]})")
    return Text(symbol, CHANGED if changed else MAZE.get(symbol, ""))


def _sudoku(given: list[list[str]], rows: list[list[str]], changed: Cells) -> Text:
    tall, wide = BOXES[len(rows)]
    lines = []
    for row, line in enumerate(rows):
        if row and row % tall == 0:
            lines.append(Text("-+-".join(["-" * (2 * wide - 1)] * (len(line) // wide))))
        styles = [CHANGED if (row, column) in changed else FOUND if given[row][column] in ".0" else GIVEN for column in range(len(line))]
        cells = [Text("." if digit == "0" else digit, style) for digit, style in zip(line, styles, strict=True)]
        lines.append(Text(" | ").join(Text(" ").join(cells[start : start + wide]) for start in range(0, len(cells), wide)))
    return Text("\n").join(lines)
