"""Puzzles and answers as lines of JSON: read on the way in, solved for a consumer, written on the way out. Knows no routes and no store of jobs."""

import time
from codecs import BOM_UTF8
from collections.abc import AsyncIterator

from pydantic import ValidationError

from app.api.answers import options, written
from app.api.errors import from_error, pointer, sentence
from app.api.schemas import PuzzleIn, TermsIn
from app.errors import FieldError, InvalidRequest, TRMError
from app.jobs.base import Item, Kind
from app.preparing import Prepared
from app.solver import Solver


async def split(chunks: AsyncIterator[bytes], longest: int) -> AsyncIterator[tuple[int, bytes]]:
    """(number from 1, line) of a body as it arrives, blank lines left out. Of a line over `longest` bytes one byte more than that is given."""
    rest, number = b"", 0
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            number += 1
            if line.strip():
                yield number, line[: longest + 1]
        rest = rest[: longest + 1]
    if rest.strip():
        yield number + 1, rest


def read(line: bytes, longest: int) -> PuzzleIn:
    """The puzzle of a line. Raises `InvalidRequest`. A byte order mark, with which some editors begin a file, is passed over."""
    if len(line) > longest:
        raise InvalidRequest(f"it is over {longest} bytes")
    try:
        return PuzzleIn.model_validate_json(line.removeprefix(BOM_UTF8))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        # the parser's lines are not the body's
        fields = tuple(FieldError(pointer(("", *each["loc"])), sentence(each).replace(" at line 1 column ", " at column ")) for each in found)
        raise InvalidRequest("; ".join(f"{field.pointer}: {field.detail}" if field.pointer else field.detail for field in fields), fields=fields) from error


def problem(index: int, error: TRMError) -> bytes:
    """The result line of a puzzle that has no answer."""
    return _indexed(index, bytes(from_error(error).body))


def _indexed(index: int, document: bytes) -> bytes:
    return b'{"index":%d,%s' % (index, document[1:])


class Lines:
    """What a consumer does with the items of jobs; see `jobs.consumer.Work`."""

    def __init__(self, solver: Solver) -> None:
        self.solver = solver

    def prepare(self, puzzle: PuzzleIn, terms: TermsIn) -> Prepared:
        """The puzzle, ready to run. Raises what `Desk.prepare` raises."""
        return self.solver.desk.prepare(puzzle.type, puzzle.grid, terms.model, options(terms.options), puzzle.puzzle_id, place="", bulk=True)

    async def solve(self, item: Item) -> tuple[Kind, bytes]:
        """The answer to a puzzle, as its result line."""
        started, puzzle, terms = time.perf_counter(), PuzzleIn.model_validate_json(item.line), TermsIn.model_validate_json(item.terms)
        solution = await self.solver.run(self.prepare(puzzle, terms))
        answer = written(solution, self.solver.families[puzzle.type], puzzle.grid, f"{item.job}-{item.index}", started)
        return solution.status, _indexed(item.index, answer)

    def failed(self, item: Item, error: TRMError) -> bytes:
        """The problem in its place."""
        return problem(item.index, error)
