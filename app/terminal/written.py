"""Puzzles as people write them in a shell or a file. Knows the look of a grid; no rules, which judge it later.

Text: a Sudoku is one line of 16, 36 or 81 characters, or its rows below each other, with or without lines between the boxes; a maze is its rows; puzzles are
apart by an empty line. With the id of an ARC task, rows of digits are its colours. JSON: a grid or a puzzle as the API takes it, or a list of either, any
number of them one after the other.
"""

import json
import re
from collections.abc import Iterator
from json import JSONDecoder

from pydantic import ValidationError

from app.api.schemas import PuzzleIn, family_of
from app.errors import InvalidRequest, mistakes, shown

RULED = re.compile(r"[-+=|\s]*")
"""A line between the boxes of a Sudoku."""
SUDOKU = re.compile(r"[0-9.]+")
LONGEST_ROW = 9
"""Characters of a Sudoku's row; a longer line is a whole Sudoku."""


def read(text: str, puzzle_id: str | None = None) -> list[PuzzleIn]:
    """All puzzles of a text, at least one. Raises `InvalidRequest` for what cannot be read; what is wrong with a grid is for its family to say."""
    if text.lstrip()[:1] in ("[", "{"):
        return [puzzle for document in _documents(text) for puzzle in _from_json(document, puzzle_id)]
    return [puzzle for block in _blocks(text) or [[text.strip()]] for puzzle in _from_block(block, puzzle_id)]


def _blocks(text: str) -> list[list[str]]:
    """Lines that belong together. A line of spaces is a maze's row if it is as wide as the row before, else it is as good as an empty one."""
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        block = blocks[-1]
        if line.strip() or (block and len(line) == len(block[-1])):
            block.append(line)
        elif block:
            blocks.append([])
    return [block for block in blocks if block]


def _from_block(lines: list[str], puzzle_id: str | None) -> list[PuzzleIn]:
    if any(symbol in line for line in lines for symbol in "#SG"):
        width = max(map(len, lines))  # editors cut off spaces at the end of a line
        return [_puzzle([line.ljust(width) for line in lines], puzzle_id)]
    rows = [re.sub(r"[|\s]", "", line) for line in lines if not RULED.fullmatch(line)] or [""]
    if puzzle_id is not None:
        return [_puzzle([[int(cell) if cell.isdecimal() else cell for cell in row] for row in rows], puzzle_id)]
    return [_puzzle(grid, None) for grid in (rows if len(rows[0]) > LONGEST_ROW else ["".join(rows)])]


def _documents(text: str) -> Iterator[object]:
    """One JSON value after the other."""
    decoder, place = JSONDecoder(), 0
    while rest := text[place:].lstrip():
        try:
            document, length = decoder.raw_decode(rest)
        except json.JSONDecodeError as error:
            raise InvalidRequest(f"the puzzle begins like JSON and is none: {error}") from error
        yield document
        place = len(text) - len(rest) + length


def _from_json(document: object, puzzle_id: str | None) -> Iterator[PuzzleIn]:
    if isinstance(document, dict):
        grid, named = document.get("grid"), document.get("puzzle_id", puzzle_id)
        yield _valid({"type": family_of(grid, named), **document, **({"puzzle_id": named} if named else {})})
    elif isinstance(document, list) and document and _is_puzzle(document[0]):
        for each in document:
            yield from _from_json(each, puzzle_id)
    elif isinstance(document, list) or (isinstance(document, str) and SUDOKU.fullmatch(document)):
        yield _puzzle(document, puzzle_id)
    else:
        raise InvalidRequest(f"a puzzle is a grid or an object with a grid, not {shown(document)}")


def _is_puzzle(value: object) -> bool:
    """Whether the first value of a list is a puzzle of its own, and not the row of one."""
    if isinstance(value, list):
        return any(isinstance(cell, list | str) for cell in value)
    return isinstance(value, dict) or (isinstance(value, str) and SUDOKU.fullmatch(value) is not None)


def _puzzle(grid: object, puzzle_id: str | None) -> PuzzleIn:
    return _valid({"type": family_of(grid, puzzle_id), "grid": grid, "puzzle_id": puzzle_id})


def _valid(document: dict[str, object]) -> PuzzleIn:
    try:
        return PuzzleIn.model_validate(document)
    except ValidationError as error:
        raise InvalidRequest(f"a puzzle: {mistakes(error)}") from error
