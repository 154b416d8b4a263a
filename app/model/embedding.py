"""Puzzle embeddings read row by row from a safetensors file that stays on disk: a model may have a million of them. Knows no torch.

The file is mapped, so a process holds the rows that it has used, and workers of one machine share them.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidModel

TABLE = "puzzle_emb.weights"
TYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}


class PuzzleTable:
    """The table of one weights file, (puzzles, width)."""

    def __init__(self, path: Path) -> None:
        """Map the file. Raises `InvalidModel` for one that has no such table."""
        try:
            with path.open("rb") as file:
                size = int.from_bytes(file.read(8), "little")
                header = json.loads(file.read(min(size, path.stat().st_size)))
            entry = header[TABLE]
            self.kind, shape, start = str(entry["dtype"]), tuple(entry["shape"]), int(entry["data_offsets"][0])
            self.rows: NDArray[Any] = np.memmap(path, TYPES[self.kind], "r", offset=8 + size + start, shape=shape)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InvalidModel(f"{path}: it has no table {TABLE} that can be read: {error}") from error

    def __getitem__(self, puzzle_id: int) -> NDArray[np.float32]:
        """One embedding, (width,), exactly as stored."""
        row = self.rows[puzzle_id]
        wide: NDArray[np.float32] = (row.astype(np.uint32) << 16).view(np.float32) if self.kind == "BF16" else row.astype(np.float32)
        return wide  # a bfloat16 is the upper half of a float32
