"""What a client asks of a peer: the attempts that our engine would make, and how it reads a server's answers."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from app.engine.engine import Engine
from app.engine.scheduler import Guesses
from app.model.store import ModelStore
from app.puzzles.sudoku import BLANK, rules
from app.settings import PROJECT
from app.training.generator import generate
from bench.peers.asking import Connections, ask_peer, attempts
from bench.peers.grids import text, tokens
from bench.peers.options import MODEL, Options
from bench.peers.targets import PEERS, SERVERS
from tests.support.requests import ask
from tests.support.runners import NEVER, Oracle

MANIFEST = ModelStore(PROJECT / "model_store", (MODEL,)).entries[MODEL].manifest
PUZZLES = generate(9, 2, (26, 30), np.random.default_rng(0))


class Recorder(Oracle):
    """Notes what it is shown, and never finds an answer."""

    def __init__(self) -> None:
        super().__init__(1, 81, lambda _: NEVER, answers=lambda _: bytes(81))
        self.shown: list[bytes] = []

    def load(self, slot: int, tokens, puzzle_id: int = 0, question=None) -> None:
        self.shown.append(tokens.tobytes())
        super().load(slot, tokens)


def test_the_attempts_are_those_of_our_engine() -> None:
    recorder = Recorder()
    engine = Engine(recorder, rules(9), guesses=Guesses(**MANIFEST.guesses.model_dump()))
    engine.add(ask("one", cells=PUZZLES.questions[0].tobytes(), max_steps=1, attempts=40))
    while engine.busy:
        engine.step()
    asked = [shown.tobytes() for (shown, _), _ in zip(attempts(PUZZLES.questions[0], MANIFEST), range(40), strict=False)]
    assert len(recorder.shown) == 40
    assert asked == recorder.shown


def test_there_are_as_many_attempts_as_our_server_makes() -> None:
    assert sum(1 for _ in attempts(PUZZLES.questions[0], MANIFEST)) == MANIFEST.defaults.attempts


def test_a_grid_is_text_and_back() -> None:
    written = text(PUZZLES.questions[0])
    assert set(written) <= set("0123456789")
    assert written.count("0") == (PUZZLES.questions[0] == BLANK).sum()
    assert (tokens(written) == PUZZLES.questions[0]).all()


def test_options_reach_the_server(monkeypatch) -> None:
    options = Options(port=1, workers=2, threads=3, batch=4, wait_ms=5, variant="x", rows="keep")
    for name, value in options.environment().items():
        monkeypatch.setenv(name, value)
    assert Options.read() == options


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_peers_have_our_versions_of_what_the_step_runs_on(peer) -> None:
    ours = set((PROJECT / "constraints.txt").read_text().split())
    pinned = (SERVERS / f"{peer.name}.txt").read_text().split()
    assert all("==" in line for line in pinned)
    assert {line for line in pinned if line.startswith(("onnxruntime==", "numpy=="))} <= ours
    assert sum(line.startswith(("onnxruntime==", "numpy==")) for line in pinned) == 2
    assert (Path(SERVERS) / f"{peer.name}_server.py").exists()


async def asked(*responses: bytes):
    """What comes of asking a server that gives these responses, one a connection or more."""
    left, served = list(responses), list[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.current_task())
        while left and await reader.read(65536):
            writer.write(response := left.pop(0))
            if not response or b"connection: close" in response.lower():
                break
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        connections = Connections(server.sockets[0].getsockname()[1])
        found = await ask_peer("/solve", None, MANIFEST)(connections, PUZZLES.questions[0])
        connections.close()
        await asyncio.gather(*served)
    return found, len(left)


def response(body: bytes, head: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + head + b"Content-Length: %d\r\n\r\n" % len(body) + body


RIGHT, WRONG = (b'{"grid": "%s", "verified": true}' % text(grid).encode() for grid in (PUZZLES.answers[0], PUZZLES.answers[1]))


async def test_a_server_that_calls_a_wrong_answer_verified_is_not_believed() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(WRONG), WRONG)
    found, _ = await asked(response(WRONG), response(WRONG, b"Connection: close\r\n"), chunked, b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
    assert (found.verified, found.requests, found.failed) == (False, 4, True)


async def test_a_right_answer_ends_the_asking() -> None:
    found, left = await asked(response(RIGHT), response(RIGHT))
    assert (found.verified, found.requests, found.failed, left) == (True, 1, False, 1)


async def test_a_broken_connection_is_a_failure() -> None:
    found, _ = await asked(b"")
    assert found.failed
