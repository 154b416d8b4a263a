"""The puzzle ids that a model was trained on: `identifiers.json` in its folder, the reference's list of names by embedding row. Knows no grids.

Row 0 is `<blank>`; an augmented copy of a puzzle has a name of its own, which begins with the puzzle's id (see `puzzles/arc`). A large model has a million
names, nearly all of them copies, so they are kept as one text and not as a million strings.
"""

import json
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from app.errors import InvalidModel
from app.puzzles.arc import base_of

BLANK, IDENTIFIERS = "<blank>", "identifiers.json"


class Identifiers:
    """Names by row, and which rows belong to each id: the puzzle as it is first, then its copies in their order."""

    def __init__(self, names: Sequence[str]) -> None:
        """Raises `ValueError` naming the entry that is wrong or there twice."""
        self.rows: dict[str, array[int]] = {}
        for row, name in enumerate(names):
            try:
                base = base_of(name)
            except (ValueError, TypeError) as error:
                raise ValueError(f"entry {row}: {error}") from error
            if row:
                rows = self.rows.setdefault(base, array("I"))
                rows.append(row) if name != base else rows.insert(0, row)
        if not names or names[0] != BLANK:
            raise ValueError(f"entry 0 is not {BLANK}")
        if len(set(names)) != len(names):
            raise ValueError("a name is there twice")
        encoded = [name.encode() for name in names]
        self.text, self.ends = b"".join(encoded), np.cumsum([len(name) for name in encoded])

    def __len__(self) -> int:
        return len(self.ends)

    def __iter__(self) -> Iterator[str]:
        """The ids, without copies."""
        return iter(self.rows)

    def __contains__(self, puzzle_id: object) -> bool:
        return puzzle_id in self.rows

    def name(self, row: int) -> str:
        """What a row is called."""
        return self.text[self.ends[row - 1] if row else 0 : self.ends[row]].decode()

    def names(self) -> list[str]:
        """What all rows are called, in their order."""
        return [self.name(row) for row in range(len(self))]

    def copies(self, puzzle_id: str, most: int) -> list[tuple[int, str]]:
        """(row, name) of the first `most` copies of a puzzle that is known, itself first."""
        return [(row, self.name(row)) for row in self.rows[puzzle_id][:most]]


def read(path: Path, count: int) -> Identifiers:
    """Read the names of a model with `count` puzzle embeddings. Raises `InvalidModel` naming the file and the entry at fault."""
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(names, list):
            raise ValueError("it is not a list of names")
        identifiers = Identifiers(names)
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidModel(f"{path}: {error}") from error
    if len(identifiers) != count:
        raise InvalidModel(f"{path}: it has {len(identifiers)} names, the model {count} puzzle embeddings")
    return identifiers
