"""`trm solve`: puzzles from the command line, files or stdin, answered here or by a service. Reads, asks and shows; what a grid means is others' work.

Exit status: 0 every puzzle is solved; 1 one is not; 2 the command line or a puzzle is wrong, and nothing was solved; 3 there is no solver or service to answer.
"""

import argparse
import asyncio
import logging
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from itertools import islice
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress

from app.api.schemas import OptionsIn, PuzzleIn, SolveOut, StepOut
from app.errors import InvalidRequest, NotFound, TRMError, mistakes
from app.terminal.services import AT_ONCE, Service, here, there
from app.terminal.showing import Show, show
from app.terminal.written import read

UNSOLVED, WRONG, NOBODY = 1, 2, 3
FRAME = 0.1
"""Seconds that a step is shown on a terminal: a model takes hundreds a second."""


def solve(arguments: argparse.Namespace, key: str | None) -> int:
    """Run the command with the arguments of `options.solve`, and the API key of the service if it wants one; the exit status."""
    logging.disable()  # what goes wrong is one sentence
    try:
        puzzles = list(_puzzles(arguments))
        return asyncio.run(_solve(arguments, puzzles, key))
    except TRMError as error:
        print(f"trm: {error.detail}", file=sys.stderr)
        return WRONG if isinstance(error, InvalidRequest | NotFound) else NOBODY


def _puzzles(arguments: argparse.Namespace) -> Iterator[PuzzleIn]:
    """All puzzles that are named. Raises `InvalidRequest` for what cannot be read."""
    for text in arguments.puzzle:
        yield from read(text, arguments.puzzle_id)
    files = arguments.file or ([] if arguments.puzzle else ["-"])
    for file in files:
        text = _text(file)
        if not text.strip():
            raise InvalidRequest(f"there is no puzzle in {'the input' if file == '-' else file}; see trm solve --help")
        yield from read(text, arguments.puzzle_id)


def _text(file: str) -> str:
    if file == "-" and sys.stdin.isatty():
        raise InvalidRequest("no puzzle was given; see trm solve --help")
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{file} is not text") from error


def _service(arguments: argparse.Namespace, puzzles: Sequence[PuzzleIn], key: str | None) -> AbstractAsyncContextManager[Service]:
    timeout_ms = round(arguments.timeout * 1000)
    try:
        chosen = OptionsIn(max_steps=arguments.max_steps, halt=arguments.halt, attempts=arguments.attempts, timeout_ms=timeout_ms)
    except ValidationError as error:
        raise InvalidRequest(mistakes(error)) from error
    if arguments.server:
        return there(arguments.server, puzzles, arguments.model, chosen, key)
    return here(puzzles, arguments.model, chosen, arguments.store)


async def _solve(arguments: argparse.Namespace, puzzles: Sequence[PuzzleIn], key: str | None) -> int:
    console, solved, started = Console(highlight=False), 0, time.monotonic()
    async with _service(arguments, puzzles, key) as service:
        with show(arguments.format, console) as form, _bar(console, 1 if arguments.watch else len(puzzles)) as finished:
            if arguments.watch:
                for puzzle in puzzles:
                    solved += await _watch(service, puzzle, form, FRAME if console.is_terminal else 0.0)
            else:
                async for puzzle, answer in in_order(service, puzzles, finished):
                    form.answer(puzzle, answer)
                    solved += answer.status == "solved"
    if len(puzzles) > 1 and console.is_terminal:
        console.print(f"{solved} of {len(puzzles)} solved in {time.monotonic() - started:.1f} s", style="bold")
    return 0 if solved == len(puzzles) else UNSOLVED


async def _watch(service: Service, puzzle: PuzzleIn, form: Show, frame: float) -> bool:
    """Show the steps of a puzzle, each for so many seconds, and its answer; whether it is solved. The model is not held up."""
    seen: asyncio.Queue[StepOut | SolveOut | None] = asyncio.Queue()
    solved = False

    async def follow() -> None:
        try:
            async for each in service.watch(puzzle):
                seen.put_nowait(each)
        finally:
            seen.put_nowait(None)

    following = asyncio.create_task(follow())
    try:
        while each := await seen.get():
            if isinstance(each, StepOut):
                form.step(puzzle, each)
                await asyncio.sleep(frame)
            else:
                form.answer(puzzle, each)
                solved = each.status == "solved"
        await following
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    return solved


@contextmanager
def _bar(console: Console, count: int) -> Iterator[Callable[[], None]]:
    """A progress bar of so many puzzles, if there are several and there is a terminal to show it on; call what it gives for each."""
    shown = console if console.is_terminal else Console(stderr=True)
    with Progress(console=shown, transient=True, disable=count == 1 or not shown.is_terminal) as bar:
        task = bar.add_task("solving", total=count)
        yield lambda: bar.advance(task)


async def in_order(service: Service, puzzles: Sequence[PuzzleIn], finished: Callable[[], None]) -> AsyncIterator[tuple[PuzzleIn, SolveOut]]:
    """The answers in order, of which `AT_ONCE` are asked for at the same time."""
    rest, asked = iter(puzzles), deque[tuple[PuzzleIn, asyncio.Task[SolveOut]]]()

    async def solve(puzzle: PuzzleIn) -> SolveOut:
        try:
            return await service.solve(puzzle)
        finally:
            finished()  # not in a callback of the task's: the answer would be read first, and the bar might close before its last puzzle

    def ask(count: int) -> None:
        for puzzle in islice(rest, count):
            asked.append((puzzle, asyncio.create_task(solve(puzzle))))

    ask(AT_ONCE)
    try:
        while asked:
            puzzle, task = asked[0]
            answer = await task
            asked.popleft()
            ask(1)
            yield puzzle, answer
    finally:
        for _, task in asked:
            task.cancel()
        await asyncio.gather(*(task for _, task in asked), return_exceptions=True)
