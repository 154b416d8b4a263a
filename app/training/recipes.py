"""How a model is trained, as a value, and the recipes that have names. Knows numbers; imports no torch and reads no files.

Where each comes from: `sudoku`, its small siblings and `maze` are this project's, found by trials on two CPU cores. `trm-sudoku` is the model of
arXiv 2510.04871 trained as arXiv 2601.19085 does it, the fastest recipe published; `trm-sudoku-small` is the same, scaled to a CPU.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from app.errors import InvalidRequest, mistakes
from app.model.config import TRMConfig
from app.puzzles.sudoku import BOXES

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(ge=0)]


@dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Recipe:
    """Everything that fixes a training run; of its `data` only the names.

    `schedule`: `flat` warms up, stays, and falls to zero over the last `cooldown` of the updates; `cosine` falls from the warm-up on.
    `optimizer`: `muon` takes the blocks' matrices (with `muon_lr`, `muon_weight_decay`), AdamW the rest; `adamw` takes all, and spares
    vectors the decay. `ema` counts from update `ema_start`. `reveal` is the most further cells shown of a puzzle; `guess` and
    `guess_right` are those of `Sampler`. Of ARC: `copies` of each task are augmented, a share `moved` of pairs does not stand at the upper left, and
    `puzzle_lr` and `puzzle_weight_decay` are those of the puzzle embeddings. Where there is a `teacher` (a model's name and version), its answers at
    `temperature` make up a share `distill` of the cells' loss.
    """

    arch: TRMConfig
    updates: Count
    slots: Count = 96
    schedule: Literal["flat", "cosine"] = "flat"
    warmup: Annotated[int, Field(ge=0)] = 200
    cooldown: Share = 0.3
    optimizer: Literal["adamw", "muon"] = "adamw"
    lr: Rate = 1.5e-3
    weight_decay: Rate = 0.1
    muon_lr: Rate = 0.02
    muon_weight_decay: Rate = 0.005
    clip: Rate = 1.0
    ema: Share = 0.998
    ema_start: Annotated[int, Field(ge=0)] = 0
    label_smoothing: Share = 0.0
    q_weight: Rate = 0.1
    reveal: Annotated[int, Field(ge=0)] = 14
    copies: Annotated[int, Field(ge=0)] = 0
    moved: Share = 0.0
    puzzle_lr: Rate = 0.01
    puzzle_weight_decay: Rate = 0.1
    guess: Share = 0.0
    guess_right: Share = 0.75
    seed: Annotated[int, Field(ge=0)] = 1
    data: tuple[str, ...] = ()
    teacher: str = ""
    distill: Share = 0.5
    temperature: Annotated[float, Field(gt=0)] = 2.0

    @property
    def cooldown_start(self) -> int:
        """The first update of the cool-down."""
        return round(self.updates * (1 - self.cooldown)) if self.schedule == "flat" else 0

    def factor(self, update: int) -> float:
        """What the learning rates are multiplied by at an update, counted from 0."""
        if self.schedule == "flat" and update < self.cooldown_start:
            return min(1.0, (update + 1) / max(1, self.warmup))
        if self.schedule == "flat":
            return 1 - math.sqrt((update - self.cooldown_start) / max(1, self.updates - self.cooldown_start))
        return min(1.0, (update + 1) / max(1, self.warmup)) * 0.5 * (1 + math.cos(math.pi * update / self.updates))

    def averaging(self, update: int) -> float:
        """Decay of the averaged weights at an update: none before `ema_start`, then small at first."""
        since = update - self.ema_start
        return min(self.ema, (1 + since) / (10 + since)) if since >= 0 else 0.0

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """The recipe with fields changed, those of the architecture as `arch.hidden_size`. Raises `InvalidRequest` naming a wrong one."""
        arch = {name.removeprefix("arch."): value for name, value in changes.items() if name.startswith("arch.")}
        own = {name: value for name, value in changes.items() if not name.startswith("arch.")}
        try:
            return replace(self, arch=TRMConfig.from_json(self.arch.to_json() | arch), **own)
        except (ValidationError, TypeError) as error:
            raise InvalidRequest(f"recipe: {mistakes(error) if isinstance(error, ValidationError) else error}") from error

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self) | {"arch": self.arch.to_json()}


def units(side: int, width: int) -> TRMConfig:
    """A TRM whose mixer is attention inside rows, columns and boxes: a Sudoku's structure, so it needs no positions."""
    return TRMConfig(
        vocab_size=11,
        seq_len=side * side,
        hidden_size=width,
        num_heads=width // 16,
        mixer="units",
        box_shape=BOXES[side],
        expansion=3,
        swiglu_multiple=64,
        H_cycles=2,
        L_cycles=2,
        q_head_input="mean",
    )


def local(height: int, width: int, channels: int) -> TRMConfig:
    """A TRM whose mixer joins each cell with the four beside it: all the structure a maze has, and it fits mazes of every size."""
    return TRMConfig(
        vocab_size=6,
        seq_len=height * width,
        grid_shape=(height, width),
        hidden_size=channels,
        num_heads=1,
        mixer="local",
        expansion=3,
        swiglu_multiple=64,
        H_cycles=1,  # so that gradient goes through all of a step: what joins two ways around a loop is many cells away
        L_cycles=4,
        q_head_input="mean",
    )


def reference(width: int, cycles: tuple[int, int]) -> TRMConfig:
    """The paper's Sudoku model: a SwiGLU over the cells for a mixer, and one register position."""
    return TRMConfig(
        vocab_size=11,
        seq_len=81,
        hidden_size=width,
        num_heads=width // 64,
        mixer="mlp",
        gate="sigmoid_norm",
        puzzle_emb_ndim=width,
        puzzle_emb_len=1,
        H_cycles=cycles[0],
        L_cycles=cycles[1],
    )


def transductive(side: int, width: int) -> TRMConfig:
    """A TRM for ARC on a small canvas: full attention, and an embedding for each puzzle id (how many is the data's to say).

    A SwiGLU over the cells in the place of attention learns the train pairs several times as fast, and by heart: it solves next to no test grid.
    """
    return TRMConfig(
        vocab_size=12,
        seq_len=side * side,
        hidden_size=width,
        num_heads=width // 32,
        mixer="attention",
        pos_encodings="learned",
        puzzle_emb_ndim=width,
        puzzle_emb_len=1,
        expansion=3,
        swiglu_multiple=64,
        H_cycles=2,
        L_cycles=2,
        halt_max_steps=4,
    )


FASTEST = Recipe(
    arch=reference(512, (6, 9)),
    updates=8000,
    slots=384,
    schedule="cosine",
    warmup=0,
    optimizer="muon",
    lr=1e-4,
    weight_decay=1.0,
    ema=0.9,
    ema_start=5000,
    label_smoothing=0.2,
    q_weight=0.05,
)

RECIPES: dict[str, Recipe] = {
    "sudoku": Recipe(arch=replace(units(9, 96), H_cycles=1, halt_max_steps=24), updates=16_000, reveal=6, guess=0.6),
    "sudoku-6x6": Recipe(arch=units(6, 48), updates=4000, lr=2e-3, reveal=8),
    "sudoku-4x4": Recipe(arch=units(4, 48), updates=2000, lr=2e-3, reveal=6),
    "maze": Recipe(arch=local(12, 12, 64), updates=3600, slots=24, warmup=50, cooldown=0.4, optimizer="muon", lr=2e-3, muon_lr=0.01, reveal=0),
    "arc": Recipe(arch=transductive(8, 64), updates=3600, slots=32, cooldown=0.6, lr=2e-3, copies=15, reveal=0),
    "trm-sudoku": FASTEST,
    "trm-sudoku-small": replace(FASTEST, arch=reference(128, (2, 2)), updates=3000, slots=32, ema_start=2000),
}


def named(name: str, changes: Mapping[str, Any]) -> Recipe:
    """A recipe by its name, with changes. Raises `InvalidRequest` for an unknown name or a wrong change."""
    if name not in RECIPES:
        raise InvalidRequest(f"there is no recipe {name!r}; there are: {', '.join(RECIPES)}")
    return RECIPES[name].changed(changes)
