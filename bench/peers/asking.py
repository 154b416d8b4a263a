"""How a client gets a puzzle solved: of our server in one request, of a peer's attempt by attempt, as a careful user of it would have to.

A failed attempt comes back as a request for a symmetric copy with guesses written in. Those are the very copies and guesses that our engine makes
inside the server, so all servers are asked to run the same attempts. Every answer is judged here, by the rules, whatever the server says.
"""

import contextlib
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.engine.engine import chance, copy_number
from app.model.store import Manifest
from app.puzzles.base import Symmetry, Tokens
from app.puzzles.sudoku import rules
from bench.client import Wire, connect, post
from bench.peers.grids import text, tokens

IDLE_SECONDS = 2.0
"""A connection unused for longer is not used again: servers close idle ones, some after five seconds."""

Ask = Callable[["Connections", Tokens], Awaitable["Asking"]]
"""Get one puzzle (81,) solved over some connections."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What came of one puzzle: whether the answer obeys the rules, in how many requests, and whether one of them failed."""

    verified: bool
    requests: int
    failed: bool = False


class Connections:
    """Connections to one server that are kept and taken by turns, so that a server of many processes has all of them busy."""

    def __init__(self, port: int) -> None:
        self.port, self.idle = port, deque[tuple[float, Wire]]()

    async def post(self, path: str, document: object) -> Any:
        """The JSON answer; None when it is no 200 or the connection broke."""
        try:
            wire = await self._take()
        except OSError:
            return None
        response = None
        with contextlib.suppress(OSError, EOFError):
            try:
                response = await wire.exchange(post(path, document))
            finally:
                if response is None or response.closes:
                    wire.close()
                else:
                    self.idle.append((time.perf_counter(), wire))
        return json.loads(response.body) if response and response.good else None

    async def _take(self) -> Wire:
        while self.idle:
            since, wire = self.idle.popleft()
            if time.perf_counter() - since < IDLE_SECONDS:
                return wire
            wire.close()
        return await connect(self.port)

    def close(self) -> None:
        """Close those that are idle."""
        while self.idle:
            self.idle.pop()[1].close()


def right(question: Tokens, grid: str) -> bool:
    """Whether a grid of digits solves a question (81,)."""
    return len(grid) == len(question) and rules(9).judged(question.tobytes(), tokens(grid).tobytes())[0]


async def ask_ours(connections: Connections, question: Tokens) -> Asking:
    """One request; the result cache is passed by."""
    document = {"puzzle": {"type": "sudoku", "grid": text(question)}, "options": {"cache": "bypass", "timeout_ms": 600_000}}
    answer = await connections.post("/v1/solve", document)
    return Asking(False, 1, True) if answer is None else Asking(right(question, answer["solution"]), 1)


def attempts(question: Tokens, manifest: Manifest) -> Iterator[tuple[Tokens, Symmetry | None]]:
    """What each attempt shows the model, and the symmetry to take back; the first is the question as it is."""
    assert manifest.guesses is not None
    yield question, None
    cells, how = question.tobytes(), manifest.guesses
    guesses = rules(9).guesses(cells, how.cells, how.among, chance(cells))
    for number in range(2, manifest.defaults.attempts + 1):
        symmetry = rules(9).symmetry(np.random.default_rng(copy_number(cells, number)))
        yield symmetry.apply(np.frombuffer(next(guesses, cells), dtype=np.uint8)), symmetry


def ask_peer(path: str, listed: str | None, manifest: Manifest) -> Ask:
    """Ask a server that makes one attempt a request; `listed` is the list that its API has in place of the puzzle itself."""

    async def ask(connections: Connections, question: Tokens) -> Asking:
        for count, (shown, symmetry) in enumerate(attempts(question, manifest), start=1):
            document = {"grid": text(shown), "guessed": symmetry is not None}
            answer = await connections.post(path, {listed: [document]} if listed else document)
            if answer is None:
                return Asking(False, count, True)
            grid = (answer[0] if listed else answer)["grid"]
            if right(question, text(symmetry.invert(tokens(grid))) if symmetry else grid):
                return Asking(True, count)
        return Asking(False, manifest.defaults.attempts)

    return ask
