"""Weights between the store and a torch model: safetensors only, every key and shape accounted for."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from app.errors import InvalidModel
from app.model.config import TRMConfig
from app.model.store import WEIGHTS, Entry
from app.model.stored import TABLE
from app.model.trm import TRM

CODES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
"""The numbers that weights are made of, by their name in a safetensors header."""
PIECE = 2**22
"""Bytes of a tensor that are written at a time."""


def load(entry: Entry) -> TRM:
    """The torch model of a store entry, in float32 on the CPU. Raises `InvalidModel` for weights that do not fit its config."""
    return read(entry.file(WEIGHTS), entry.config)


def read(path: Path, config: TRMConfig) -> TRM:
    """The same from a file that no manifest describes yet."""
    model = TRM(config)
    try:
        model.load_state_dict(load_file(path))
    except Exception as error:  # safetensors and torch raise several classes, all meaning that the file does not fit
        raise InvalidModel(f"{path}: {error}") from error
    return model.eval()


def read_but_puzzles(path: Path, config: TRMConfig) -> TRM:
    """The same with one puzzle embedding in the place of many, which may be gigabytes: all that a graph needs."""
    model = TRM(replace(config, num_puzzle_identifiers=1))
    model.config = config
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys() if name != TABLE}  # noqa: SIM118  # safe_open is no mapping
    model.load_state_dict({**tensors, TABLE: model.puzzle_emb.weights})
    return model.eval()


def save(model: TRM, path: Path) -> None:
    """Write the weights of `model`."""
    write(model.state_dict(), path)


def write(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors of at least one dimension, a piece of each at a time, so that a mapping which reads on access is never held whole.

    Raises `InvalidModel` naming a tensor that holds NaN or infinities.
    """
    names = sorted(tensors, key=lambda name: (-tensors[name].itemsize, name))  # wide numbers first, so that all are aligned
    header, end = {}, 0
    for name in names:
        value = tensors[name]
        start, end = end, end + value.nbytes
        header[name] = {"dtype": CODES[value.dtype], "shape": list(value.shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in names:
            for piece in _pieces(tensors, name):
                file.write(piece.view(torch.uint8).numpy().data)


def _pieces(tensors: Mapping[str, Tensor], name: str) -> Iterator[Tensor]:
    """The rows of a tensor in order, taken from the mapping anew for each piece."""
    rows, row = tensors[name].shape[0], tensors[name][:1].nbytes
    step = max(1, PIECE // row)
    for start in range(0, rows, step):
        piece = tensors[name][start : start + step].contiguous()
        if not piece.isfinite().all():
            raise InvalidModel(f"{name} holds NaN or infinite values")
        yield piece
