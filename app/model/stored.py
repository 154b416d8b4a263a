"""Tensors of a safetensors file that stays on disk, read as float32 by rows or whole. Knows no torch.

The file is mapped: a model may have a million puzzle embeddings, of which a process holds those that it has used, and workers of one machine share them.
"""

import json
from pathlib import Path
from types import EllipsisType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidModel

TABLE = "puzzle_emb.weights"
TYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}


class Stored:
    """One tensor of a weights file."""

    def __init__(self, path: Path, name: str, shape: tuple[int, ...] | None = None) -> None:
        """Map the file. Raises `InvalidModel` for one that has no such tensor, of this shape where one is given, or none that can be read."""
        try:
            with path.open("rb") as file:
                size = int.from_bytes(file.read(8), "little")
                header = json.loads(file.read(min(size, path.stat().st_size)))
            if name not in header:
                raise InvalidModel(f"{path}: {name} is missing")
            entry = header[name]
            self.kind, self.shape, start = str(entry["dtype"]), tuple(entry["shape"]), int(entry["data_offsets"][0])
            self.rows: NDArray[Any] = np.memmap(path, TYPES[self.kind], "r", offset=8 + size + start, shape=self.shape)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InvalidModel(f"{path}: {name} cannot be read: {error}") from error
        if shape not in (None, self.shape):
            raise InvalidModel(f"{path}: {name} is {self.shape}, not of shape {shape}")

    def __getitem__(self, row: int | EllipsisType) -> NDArray[np.float32]:
        """One row, or all of it, exactly as stored."""
        part = self.rows[row]
        return (part.astype(np.uint32) << 16).view(np.float32) if self.kind == "BF16" else part.astype(np.float32)  # a bfloat16 is the upper half of a float32
