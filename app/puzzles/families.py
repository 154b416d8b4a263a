"""The puzzle families that this service knows, by name."""

from app.puzzles.arc import Arc
from app.puzzles.base import Family
from app.puzzles.maze import Maze
from app.puzzles.sudoku import Sudoku

FAMILIES: dict[str, Family] = {"sudoku": Sudoku(), "maze": Maze(), "arc": Arc()}
