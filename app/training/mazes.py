"""Mazes of our own: 5x5 to 30x30, at graded length, with one shortest path or, in open rooms, many. Knows grids and a plain search; no model.

A maze starts as rooms on every other row and column, joined by a random spanning tree, so that one path at all joins any two cells. The first
room's row and column are each 0 or 1 at random: an odd size then has rooms along both of its edges or a wall there, an even size a wall on
one side only. Loopy mazes lose some of their walls. S is a random cell, G the farthest of some random cells to which there is just one
shortest path from S. In open rooms many paths are equally short, and G may be anywhere: the label is then the path that, walked from G, turns
to the first of left, right, up and down that comes nearer to S. That is a rule of each cell, so a model that knows directions can learn it; a
turned copy of such a label breaks it.
"""

import numpy as np
from numpy.typing import NDArray

from app.puzzles.base import Rules, Tokens
from app.puzzles.maze import FREE, GOAL, PATH, SMALLEST, START, WALL, Maze, padded
from app.training.data import Example, PuzzleSet

Cells = NDArray[np.bool_]
"""The open cells of a maze, (height, width)."""


def generate(
    height: int, width: int, count: int, rng: np.random.Generator, *, loopy: float = 0.5, opened: float = 0.15, draws: int = 4, rooms: bool = False
) -> PuzzleSet:
    """`count` mazes with their shortest paths; the same `rng` gives the same mazes.

    A share of `loopy` loses walls, each maze another share of them up to `opened`; all of them lose many more and get open halls with `rooms`.
    G is the farthest of `draws` cells: 1 gives paths of all lengths, many give the longest from S.
    Raises `InvalidPuzzle` for a size that mazes do not have.
    """
    Maze().rules(height, width)
    questions = np.empty((count, height * width), dtype=np.uint8)
    answers = np.empty_like(questions)
    for index in range(count):
        cells = perfect(height, width, rng)
        if rooms:
            _open(cells, rng)
        elif rng.random() < loopy:
            cells |= rng.random(cells.shape) < rng.random() * opened
        questions[index], answers[index] = asked(cells, draws, rng, one_way=not rooms)
    return PuzzleSet(questions, answers, height, width)


class MazeSource:
    """Fresh mazes without end for a model of one canvas: of every size from the smallest up to it, large ones more often, walls around them.

    Most have loops: a tree's dead ends are soon learned to be filled, which way is shorter takes far longer. They are not turned, for the
    labels in open rooms are not to be; what is drawn has no direction anyway.
    """

    LOOPY, ROOMS = 0.8, 0.5

    def __init__(self, height: int, width: int, rng: np.random.Generator) -> None:
        self.height, self.width, self.rng = height, width, rng
        self.rules: Rules = Maze().rules(height, width)

    def draw(self) -> Example:
        """One maze with its path, each (height * width,)."""
        height, width = (int(self.rng.integers(SMALLEST, most + 1, size=2).max()) for most in (self.height, self.width))
        corner = int(self.rng.integers(self.height - height + 1)), int(self.rng.integers(self.width - width + 1))
        maze = generate(height, width, 1, self.rng, loopy=self.LOOPY, rooms=bool(self.rng.random() < self.ROOMS))
        question, answer = (padded(tokens, (height, width), (self.height, self.width), corner)[0] for tokens in (maze.questions, maze.answers))
        return Example(question, answer)


def perfect(height: int, width: int, rng: np.random.Generator) -> Cells:
    """A maze with one path between any two open cells.

    The tree grows from its newest room or from any of them, as often as a number drawn for this maze says: long corridors at one end, many
    short dead ends at the other.
    """
    top, left = rng.integers(2, size=2).tolist()
    down, across = (height - top + 1) // 2, (width - left + 1) // 2
    growing, doors, winding = [divmod(int(rng.integers(down * across)), across)], list[tuple[int, int]](), rng.random()
    seen = set(growing)
    for newest, place, way in rng.random((2 * down * across - 1, 3)).tolist():  # every room is left once, and all but the first are joined once
        index = -1 if newest < winding else int(place * len(growing))
        row, column = growing[index]
        beside = ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
        if new := [room for room in beside if 0 <= room[0] < down and 0 <= room[1] < across and room not in seen]:
            room = new[int(way * len(new))]
            growing.append(room)
            seen.add(room)
            doors.append((row + room[0] + top, column + room[1] + left))
        else:
            growing[index] = growing[-1]
            growing.pop()
    cells = np.zeros((height, width), dtype=bool)
    cells[top::2, left::2] = True
    cells[tuple(np.transpose(doors))] = True
    return cells


def _open(cells: Cells, rng: np.random.Generator) -> None:
    """Take up to four halls, each up to half as high and wide as the maze, and up to 60 % of the other walls out of it."""
    height, width = cells.shape
    for _ in range(int(rng.integers(5))):
        top, left = int(rng.integers(height - 1)), int(rng.integers(width - 1))
        cells[top : top + int(rng.integers(2, height // 2 + 1)), left : left + int(rng.integers(2, width // 2 + 1))] = True
    cells |= rng.random(cells.shape) < rng.random() * 0.6


def asked(cells: Cells, draws: int, rng: np.random.Generator, one_way: bool = True) -> tuple[Tokens, Tokens]:
    """S and G put into a maze: the question and its answer, both (cells,), with `one_way` where there is one shortest path only.

    Somewhere in the maze two cells must have such a path of two moves or more.
    """
    stride = cells.shape[1] + 1
    free = np.pad(cells, (0, 1)).ravel()  # closed at the ends of rows and below, so that no step leaves the maze
    far = np.empty(0, dtype=np.intp)
    while not far.size:  # a fallen wall may leave a cell that is joined to none
        start = int(rng.choice(np.flatnonzero(free)))
        moves, unique = search(free.tolist(), stride, start)
        far = np.flatnonzero((np.array(unique) | (not one_way)) & (np.array(moves) > 1))
    goal = max(rng.choice(far, size=draws).tolist(), key=moves.__getitem__)
    question = np.where(free, FREE, WALL).astype(np.uint8)
    question[start], question[goal] = START, GOAL
    answer = question.copy()
    answer[_way_back(moves, stride, goal)] = PATH
    question, answer = (tokens.reshape(-1, stride)[:-1, :-1].ravel() for tokens in (question, answer))
    return question, answer


def search(free: list[bool], stride: int, start: int) -> tuple[list[int], list[bool]]:
    """Breadth first over framed cells: the fewest moves from `start` to each, -1 where no path leads, and whether one path alone is so short."""
    moves, unique = [-1] * len(free), [False] * len(free)
    moves[start], unique[start] = 0, True
    edge, count = [start], 0
    while edge:
        count, last, edge = count + 1, edge, []
        for cell in last:
            for near in (cell - 1, cell + 1, cell - stride, cell + stride):
                if moves[near] == count:
                    unique[near] = False
                elif free[near] and moves[near] < 0:
                    moves[near], unique[near] = count, unique[cell]
                    edge.append(near)
    return moves, unique


def _way_back(moves: list[int], stride: int, goal: int) -> list[int]:
    """The cells between S and G, from G's end."""
    way = [goal]
    while moves[way[-1]] > 1:
        cell = way[-1]
        way.append(next(near for near in (cell - 1, cell + 1, cell - stride, cell + stride) if moves[near] == moves[cell] - 1))
    return way[1:]
