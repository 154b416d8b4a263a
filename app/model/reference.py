"""What the reference implementation writes beside a checkpoint, as our config: `all_config.yaml` and `dataset.json`. Knows no tensors.

`arch` in the first holds the architecture, the second the sizes of the data that it was trained on. A field that is not known
here is refused: it may change what the network computes.
"""

import json
from collections.abc import Sequence
from math import isqrt
from pathlib import Path
from typing import Any

import yaml

from app.errors import InvalidModel, listed, shown
from app.model.config import TRMConfig
from app.model.store import FamilyName, Grid

ARCH, DATASET = "all_config.yaml", "dataset.json"
SIZES = ("vocab_size", "seq_len", "num_puzzle_identifiers")
NEEDED = ("hidden_size", "num_heads", "expansion", "L_layers", "H_cycles", "L_cycles", "halt_max_steps", "pos_encodings")
OPTIONAL = ("halt_exploration_prob", "rope_theta", "rms_norm_eps", "puzzle_emb_ndim", "puzzle_emb_len")
JUDGED = ("name", "mlp_t", "no_ACT_continue")
IDLE = ("loss", "H_layers", "forward_dtype", "batch_size")
"""Official fields that change nothing here: of training, ignored there too, or a precision (float32 is used throughout)."""

FAMILIES: dict[int, tuple[FamilyName, Sequence[int]]] = {11: ("sudoku", (4, 6, 9)), 6: ("maze", range(2, 65)), 12: ("arc", range(2, 31))}
"""The family that has so many tokens, and the sides of its grids."""


def config_of(arch_file: Path, dataset_file: Path) -> TRMConfig:
    """The architecture that the two files describe. Raises `InvalidModel` naming the file and the field at fault."""
    arch, sizes = _arch(arch_file), _sizes(dataset_file)
    try:
        _judge(arch)
        shared = {name: _number(value) for name, value in arch.items() if name in NEEDED + OPTIONAL}
        usual = {"puzzle_emb_len": 16}  # the reference's default; ours means "as many as needed"
        return TRMConfig.from_json({**usual, **shared, **sizes, "mixer": "mlp" if arch.get("mlp_t", False) else "attention"})
    except (InvalidModel, OverflowError) as error:
        raise InvalidModel(f"{arch_file}: {error}") from error


def grid_of(config: TRMConfig) -> Grid:
    """The puzzles that a model of this vocabulary and length reads. Raises `InvalidModel` where no family has them."""
    side = isqrt(config.seq_len)
    height, width = config.grid_shape or (side, side)
    family, sides = FAMILIES.get(config.vocab_size, ("sudoku", ()))
    if height * width != config.seq_len or height not in sides or width not in sides:
        raise InvalidModel(f"no puzzle family has vocab_size {config.vocab_size} and seq_len {config.seq_len}")
    return Grid(family=family, height=height, width=width)


def _arch(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise InvalidModel(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    arch = content.get("arch") if isinstance(content, dict) else None
    if not isinstance(arch, dict):
        raise InvalidModel(f"{path}: there is no section arch")
    if unknown := [name for name in arch if name not in NEEDED + OPTIONAL + JUDGED + IDLE]:
        raise InvalidModel(f"{path}: arch has fields that are not known here: {listed(unknown)}")
    if missing := [name for name in NEEDED if name not in arch]:
        raise InvalidModel(f"{path}: arch has no {', '.join(missing)}")
    return arch


def _sizes(path: Path) -> dict[str, int]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidModel(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise InvalidModel(f"{path} is not a JSON object")
    for name in SIZES:
        if name not in content:
            raise InvalidModel(f"{path}: there is no {name}")
        if type(content[name]) is not int or content[name] < 1:
            raise InvalidModel(f"{path}: {name} is {shown(content[name])}, not a whole number from 1")
    return {name: content[name] for name in SIZES}


def _judge(arch: dict[str, Any]) -> None:
    """Refuse what is another network, or halts by another rule."""
    name = arch.get("name", "trm")
    if not isinstance(name, str) or name.partition("@")[0].rpartition(".")[2] != "trm":
        raise InvalidModel(f"name: {name} is another network than the reference's trm")
    for flag in ("mlp_t", "no_ACT_continue"):
        if not isinstance(arch.get(flag, True), bool):
            raise InvalidModel(f"{flag}: {arch[flag]} is neither true nor false")
    if not arch.get("no_ACT_continue", True):
        raise InvalidModel("no_ACT_continue: false is not supported: it halts where q_halt exceeds q_continue, here q_halt is compared to 0")


def _number(value: object) -> object:
    """The value, numbers that YAML reads as text (`1e-5`, for want of a dot) as numbers."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value
