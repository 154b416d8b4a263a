"""Mazes of 5x5 to 30x30, rectangles too: codec, rule check and symmetries. Knows no model.

Tokens are the reference's: 0 pad (unused here), then `# SGo` -> 1 to 5. A path goes up, down, left and right; no outer wall is needed.

An answer is valid when it keeps walls, S and G, marks free cells only, and its marks together with S and G are one path that is
nowhere next to itself: S and G have one neighbour on it, every mark has two, and S reaches them all. So the marks alone tell the way. A path
that runs alongside itself is refused: it could be cut short there, and its marks can leave open which way it goes. No shortest path does so.
Where S is next to G there is nothing to mark, and the empty path is the one valid answer.
"""

from collections.abc import Iterator
from functools import cache
from random import Random

import numpy as np
from numpy.typing import NDArray

from app.errors import FieldError, InvalidPuzzle, shown
from app.puzzles.base import Puzzle, Symmetry, Tokens

WALL, FREE, START, GOAL, PATH = range(1, 6)
SYMBOLS = {"#": WALL, " ": FREE, "S": START, "G": GOAL}
SMALLEST, LARGEST = 5, 30
WRITTEN = {token: symbol for symbol, token in SYMBOLS.items()} | {PATH: "o"}
MOST_NAMED = 5
"""Cells that one sentence names."""


class MazeRules:
    """Rules of one size: the answer is the question with one path from S to G marked, as the module says.

    All grids of a batch are one long integer, a bit a cell, a closed column and row after each grid: a step in all directions is four shifts.
    """

    verifiable, graded, blank = True, True, FREE

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.stride = width + 1

    def violations(self, inputs: Tokens, answers: Tokens) -> NDArray[np.intp]:
        """Cells changed that may not be, plus cells of the path with a wrong number of neighbours on it, plus those S does not reach, (batch,)."""
        marked, start, goal = answers == PATH, inputs == START, inputs == GOAL
        path = marked | start | goal
        changed = (answers != inputs) & ~(marked & (inputs == FREE))
        wanted = np.where(start | goal, 1, 2)
        wrong = path & (self._neighbours(path) != wanted)
        within, reached = self._pack(path), self._pack(start)
        while (grown := (reached | self._around(reached)) & within) != reached:
            reached = grown
        lost = self._unpack(within ^ reached, len(inputs))
        broken: NDArray[np.intp] = changed.sum(1) + wrong.sum(1) + lost.sum(1)
        return broken

    def optimal(self, inputs: Tokens, answers: Tokens) -> NDArray[np.bool_]:
        """Whether each answer is valid and no path is shorter, (batch,)."""
        best: NDArray[np.bool_] = (self.excess(inputs, answers) == 0) & (self.violations(inputs, answers) == 0)
        return best

    def judged(self, question: bytes, answer: bytes) -> tuple[bool, bool]:
        """Whether the path is valid, and none is shorter."""
        inputs, answers = (np.frombuffer(cells, dtype=np.uint8)[None] for cells in (question, answer))
        verified = not self.violations(inputs, answers)[0]
        return verified, verified and not self.excess(inputs, answers)[0]

    def excess(self, inputs: Tokens, answers: Tokens) -> NDArray[np.intp]:
        """How many moves more than the shortest path each verified answer takes, (batch,)."""
        more: NDArray[np.intp] = (answers == PATH).sum(1) + 1 - self.shortest(inputs)
        return more

    def shortest(self, inputs: Tokens) -> NDArray[np.intp]:
        """Fewest moves from S to G, (batch,); 0 where no path joins them."""
        open_cells, reached, goals = (self._pack(cells) for cells in (inputs != WALL, inputs == START, inputs == GOAL))
        moves, count = np.zeros(len(inputs), dtype=np.intp), 0
        while goals and (grown := (reached | self._around(reached)) & open_cells) != reached:
            reached, count = grown, count + 1
            if found := goals & reached:
                goals ^= found
                moves[self._unpack(found, len(inputs)).any(1)] = count
        return moves

    def guesses(self, question: bytes, cells: int, among: int, rng: Random) -> Iterator[bytes]:  # noqa: ARG002  # none, whatever is asked
        """None: a path is right as a whole or not at all, and one supposed cell of it helps nobody."""
        return iter(())

    def canonical(self, question: Tokens) -> None:
        """None: a maze has eight copies at most, and hardly anyone asks for two of them."""

    def symmetry(self, rng: np.random.Generator) -> Symmetry:
        """One of the eight turns and reflections of a square, of the four that keep the shape of another rectangle."""
        down, across, turned = (1 - 2 * rng.integers(2, size=3)).tolist()
        cells = np.arange(self.height * self.width).reshape(self.height, self.width)[::down, ::across]
        if self.height == self.width and turned < 0:
            cells = cells.T
        return Symmetry(cells.ravel(), np.arange(256, dtype=np.uint8))

    def _neighbours(self, path: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """How many of each cell's neighbours are on the path, (batch, cells)."""
        framed = np.zeros((len(path), self.height + 2, self.width + 2), dtype=np.uint8)
        framed[:, 1:-1, 1:-1] = path.reshape(-1, self.height, self.width)
        count: NDArray[np.uint8] = framed[:, :-2, 1:-1] + framed[:, 2:, 1:-1] + framed[:, 1:-1, :-2] + framed[:, 1:-1, 2:]
        return count.reshape(path.shape)

    def _around(self, cells: int) -> int:
        return cells << 1 | cells >> 1 | cells << self.stride | cells >> self.stride

    def _pack(self, cells: NDArray[np.bool_]) -> int:
        """Cells of a batch, (batch, cells), as one integer."""
        framed = np.zeros((len(cells), self.height + 1, self.stride), dtype=bool)
        framed[:, :-1, :-1] = cells.reshape(-1, self.height, self.width)
        return int.from_bytes(np.packbits(framed, bitorder="little").tobytes(), "little")

    def _unpack(self, bits: int, batch: int) -> NDArray[np.bool_]:
        """What `_pack` packed, (batch, cells)."""
        size = batch * (self.height + 1) * self.stride
        packed = np.frombuffer(bits.to_bytes(-(-size // 8), "little"), dtype=np.uint8)
        framed = np.unpackbits(packed, count=size, bitorder="little").reshape(batch, self.height + 1, self.stride)
        return framed[:, :-1, :-1].reshape(batch, -1).astype(bool)


rules = cache(MazeRules)


class Maze:
    """The family: lists of equally long strings of `#` (wall), space (free), `S` and `G`; solutions have the path as `o`."""

    name, named = "maze", False

    def rules(self, height: int, width: int) -> MazeRules:
        """The rules for one grid size. Raises `InvalidPuzzle` for a size that mazes do not have."""
        if not (SMALLEST <= height <= LARGEST and SMALLEST <= width <= LARGEST):
            raise _wrong(f"a maze has {SMALLEST} to {LARGEST} rows and as many columns, not {height}x{width}")
        return rules(height, width)

    def parse(self, grid: object) -> Puzzle:
        """Read a grid. Raises `InvalidPuzzle` for a wrong shape or symbol, without one S and one G, and where no path joins them."""
        lines = _rows(grid)
        height, width = len(lines), len(lines[0])
        size = self.rules(height, width)
        for row, line in enumerate(lines):
            for column, symbol in enumerate(line):
                if symbol not in SYMBOLS:
                    detail = f"cell {_cell(row * width + column, width)} is {symbol!r}; a maze cell is '#', ' ', 'S' or 'G'"
                    raise _wrong(detail, f"/{row}")
        text = "".join(lines)
        if errors := tuple(FieldError("", detail) for symbol in "SG" if (detail := _not_once(symbol, text, width))):
            raise InvalidPuzzle("; ".join(error.detail for error in errors), fields=errors)
        puzzle = Puzzle("maze", height, width, bytes(SYMBOLS[symbol] for symbol in text))
        if not size.shortest(puzzle.tokens[None])[0]:
            start, goal = (_cell(text.index(symbol), width) for symbol in "SG")
            raise _wrong(f"no path joins S in {start} and G in {goal}; a path goes up, down, left and right through free cells")
        return puzzle

    def render(self, cells: bytes, like: object) -> list[str]:
        """Write a solution as strings as long as those of `like`; a token that is no symbol is written as free."""
        assert isinstance(like, list)
        return _lines(cells, len(like[0]))

    def place(self, puzzle: Puzzle, height: int, width: int) -> bytes:
        """The maze in the upper left corner, walls below it and to its right."""
        return padded(puzzle.tokens[None], (puzzle.height, puzzle.width), (height, width)).tobytes()

    def crop(self, cells: bytes, puzzle: Puzzle, height: int, width: int) -> bytes:
        """The upper left corner again."""
        return np.frombuffer(cells, dtype=np.uint8).reshape(height, width)[: puzzle.height, : puzzle.width].tobytes()


def padded(tokens: Tokens, shape: tuple[int, int], canvas: tuple[int, int], corner: tuple[int, int] = (0, 0)) -> Tokens:
    """Mazes (batch, cells) of one shape on a larger canvas of walls, their first cell at `corner`; a wall more changes no path."""
    (height, width), (top, left) = shape, corner
    grids = np.full((len(tokens), *canvas), WALL, dtype=np.uint8)
    grids[:, top : top + height, left : left + width] = tokens.reshape(-1, height, width)
    return grids.reshape(len(tokens), -1)


def _wrong(detail: str, pointer: str = "") -> InvalidPuzzle:
    return InvalidPuzzle(detail, fields=(FieldError(pointer, detail),))


def _rows(grid: object) -> list[str]:
    """The rows of a grid, equally long, at least one."""
    if not isinstance(grid, list) or not SMALLEST <= len(grid) <= LARGEST:
        shape = f"{len(grid)} of them" if isinstance(grid, list) else shown(grid)
        raise _wrong(f"a maze is a list of {SMALLEST} to {LARGEST} strings, one a row, not {shape}")
    for row, line in enumerate(grid):
        if not isinstance(line, str):
            raise _wrong(f"a maze is a list of strings; row {row + 1} is {shown(line)}", f"/{row}")
        if len(line) != len(grid[0]):
            raise _wrong(f"rows of a maze are equally long; row 1 has {len(grid[0])} cells and row {row + 1} has {len(line)}", f"/{row}")
    return grid


def _not_once(symbol: str, text: str, width: int) -> str:
    """What to say unless the symbol stands in exactly one cell."""
    cells = [_cell(index, width) for index, each in enumerate(text) if each == symbol]
    more = [f"{len(cells) - MOST_NAMED} more"] if len(cells) > MOST_NAMED else []
    if len(cells) == 1:
        return ""
    return f"a maze has one {symbol}; this one has " + (f"{symbol} in " + " and ".join(cells[:MOST_NAMED] + more) if cells else "none")


def _cell(index: int, width: int) -> str:
    return f"r{index // width + 1}c{index % width + 1}"


def _lines(cells: bytes, width: int) -> list[str]:
    text = "".join(WRITTEN.get(token, " ") for token in cells)
    return [text[start : start + width] for start in range(0, len(text), width)]
