"""Training runs of seconds: Sudokus of 4x4, mazes of 5x5 and 5x6, two ARC tasks, and models that hardly deserve the name."""

from functools import cache
from pathlib import Path

import numpy as np

from app.model.config import TRMConfig
from app.puzzles.sudoku import rules
from app.training.arc import ArcSource, Pair, Task
from app.training.data import PuzzleSet, Sampler, Source
from app.training.generator import generate
from app.training.mazes import MazeSource
from app.training.recipes import Recipe
from app.training.train import Run

CONFIG = TRMConfig(
    vocab_size=11,
    seq_len=16,
    hidden_size=24,
    num_heads=3,
    mixer="units",
    box_shape=(2, 2),
    swiglu_multiple=8,
    expansion=2,
    H_cycles=2,
    L_cycles=1,
    halt_max_steps=4,
    q_head_input="mean",
)
RECIPE = Recipe(arch=CONFIG, updates=12, slots=8, warmup=3, lr=5e-3, reveal=4)
MAZES = RECIPE.changed(
    {"arch.mixer": "local", "arch.vocab_size": 6, "arch.seq_len": 30, "arch.grid_shape": (5, 6), "arch.box_shape": None, "guess": 0.0, "reveal": 0}
)
ARC = RECIPE.changed(
    {
        "arch.mixer": "mlp",
        "arch.vocab_size": 12,
        "arch.seq_len": 16,
        "arch.puzzle_emb_ndim": 24,
        "arch.num_puzzle_identifiers": 7,
        "copies": 2,
        "moved": 0.5,
        "guess": 0.0,
        "reveal": 0,
    }
)
GRIDS = [np.array(rows, dtype=np.uint8) for rows in ([[3, 4], [5, 2]], [[2, 6, 7]], [[4], [8]])]
TURN = Task("turn", tuple(Pair(grid, grid[::-1]) for grid in GRIDS), (Pair(GRIDS[0], None),))
TASKS = [TURN, Task("same", (Pair(GRIDS[1], GRIDS[1]),), (Pair(GRIDS[2], None),))]


@cache
def puzzles() -> PuzzleSet:
    return generate(4, 40, (4, 8), np.random.default_rng(0))


def sampler(seed: int = 1) -> Sampler:
    return Sampler([(puzzles(), 1.0)], rules(4), RECIPE.reveal, np.random.default_rng(seed))


def run(folder: Path, recipe: Recipe = RECIPE) -> Run:
    """A run in a folder, new or resumed."""
    return Run(folder, recipe, source(recipe))


def source(recipe: Recipe) -> Source:
    """What a recipe's model learns from."""
    shape = recipe.arch.grid_shape
    if recipe.copies:
        return ArcSource(TASKS, 4, recipe.copies, recipe.moved, np.random.default_rng(recipe.seed))
    return MazeSource(*shape, np.random.default_rng(recipe.seed)) if shape else sampler(recipe.seed)
