"""Training runs of seconds: 4x4 puzzles and a model that hardly deserves the name."""

from functools import cache
from pathlib import Path

import numpy as np

from app.model.config import TRMConfig
from app.puzzles.sudoku import rules
from app.training.data import PuzzleSet, Sampler
from app.training.generator import generate
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


@cache
def puzzles() -> PuzzleSet:
    return generate(4, 40, (4, 8), np.random.default_rng(0))


def sampler(seed: int = 1) -> Sampler:
    return Sampler([(puzzles(), 1.0)], rules(4), RECIPE.reveal, np.random.default_rng(seed))


def run(folder: Path, recipe: Recipe = RECIPE) -> Run:
    """A run in a folder, new or resumed."""
    return Run(folder, recipe, sampler(recipe.seed))
