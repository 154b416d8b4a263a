"""The way of one request, piece by piece, and what HTTP costs around it: at no load, and for answers from the cache.

    python -m bench.path [--settings TRM_WORKERS=2]

Three things, each a difference or a ratio within this run: microseconds of every piece of a request in the API process; the time of one easy puzzle over
HTTP less that in an engine alone; cache hits per second over requests per second of an empty FastAPI route under the same uvicorn. The last line is one
JSON document.
"""

import argparse
import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager

import numpy as np
import uvloop

from app.access.door import Door
from app.access.keys import Keys, new, parse
from app.access.limits import LocalLimits
from app.api.answers import options, written
from app.api.guard import presented
from app.api.schemas import SolveIn
from app.engine.engine import Engine
from app.engine.request import Outcome, Request
from app.main import create_services
from app.model.store import ModelStore
from app.pool.messages import WorkerSpec
from app.pool.worker import make_engines
from app.puzzles.canonical import canonical
from app.puzzles.sudoku import BLANK, BOXES, Sudoku
from app.settings import PROJECT, Settings
from app.solver import Solution
from app.training.data import PuzzleSet
from app.training.evaluate import with_clues
from bench.client import load, one_client, request
from bench.http import free_port, server
from bench.puzzles import mix

WITH_EMPTY_ROUTE = """
import app.serve
create = app.serve.create_app
def with_empty_route(*given, **named):
    made = create(*given, **named)
    @made.get("/empty")
    async def empty() -> dict[str, str]:
        return {}
    return made
app.serve.create_app = with_empty_route
"""
"""Our server, with all that wraps every request, and one more route."""
BARE = """
import sys, uvicorn
from fastapi import FastAPI
app = FastAPI()
@app.get("/empty")
async def empty() -> dict[str, str]:
    return {}
uvicorn.run(app, port=int(sys.argv[1]), log_config=None, access_log=False)
"""
"""Nothing but the framework."""
CLIENTS, REQUESTS, ROUNDS = 16, 4000, 3


def microseconds(piece: Callable[[], object]) -> float:
    """The time of one call: the best of ten rounds of 200."""
    piece()
    best = float("inf")
    for _ in range(10):
        started = time.perf_counter()
        for _ in range(200):
            piece()
        best = min(best, (time.perf_counter() - started) / 200)
    return best * 1e6


def pieces(grid: str, solved: bytes) -> dict[str, float]:
    """Microseconds of each piece of a request for `grid`, in its order."""
    services, text = create_services(Settings()), json.dumps({"puzzle": {"type": "sudoku", "grid": grid}})
    solver, family = services.solver, services.solver.families["sudoku"]
    body, puzzle, entry = SolveIn.model_validate_json(text), family.parse(grid), services.store.resolve(None, "sudoku", 9, 9)
    asked = options(body.options)
    made = solver.prepare("sudoku", grid, None, asked).request
    outcome = Outcome(
        id="x", cells=solved, verified=True, steps=2, attempts=1, halt_reason="verified", halt_probability=0.9, queue_seconds=0.0, solve_seconds=0.0
    )
    given = solver._answer(puzzle, outcome)
    question, solution = solver._question(entry, puzzle, made), Solution(puzzle, entry, given, "hit")
    uvloop.run(solver.cache.set(question.key, question.write(given), 1000))
    (key, free), (other, rated) = new("free"), new("rated", "999999")
    door = Door(Keys(parse(f"{free},{rated}")), LocalLimits(), services.metrics)
    headers = [(b"host", b"bench"), (b"content-type", b"application/json"), (b"authorization", f"Bearer {key}".encode())]
    return {
        "let a client in by its key": microseconds(lambda: _at_once(door.enter(presented(headers)))),
        "let one in that has a rate": microseconds(lambda: _at_once(door.enter(other.encode()))),
        "see that there is no tracer": microseconds(lambda: solver.tracer is None),
        "parse JSON": microseconds(lambda: json.loads(text)),
        "validate the body": microseconds(lambda: SolveIn.model_validate(json.loads(text))),
        "read options": microseconds(lambda: options(body.options)),
        "read and check the grid": microseconds(lambda: family.parse(grid)),
        "make the request, with reading the grid": microseconds(lambda: solver.prepare("sudoku", grid, None, asked)),
        "find a new puzzle's form": microseconds(lambda: canonical.__wrapped__(puzzle.cells, BOXES[9], BLANK)),
        "make the cache's key": microseconds(lambda: solver._question(entry, puzzle, made).key),
        "read a cached answer and judge it": microseconds(lambda: _at_once(solver._cached(question))),
        "judge an outcome": microseconds(lambda: solver._answer(puzzle, outcome)),
        "write it for the cache": microseconds(lambda: question.write(given)),
        "write the response": microseconds(lambda: written(solution, family, grid, "x", 0.0)),
    }


def _at_once(work: Coroutine[object, object, object]) -> None:
    """Run what never has to wait."""
    with contextlib.suppress(StopIteration):
        work.send(None)


def alone(engine: Engine, puzzles: PuzzleSet) -> list[float]:
    """Milliseconds of each puzzle in an engine that has nothing else to do."""
    times = []
    for index, question in enumerate(puzzles.questions):
        started = time.perf_counter()
        engine.add(Request(id=str(index), cells=question.tobytes(), halt="verified", max_steps=16, attempts=16, deadline=float("inf")))
        while engine.busy:
            engine.step()
        times.append((time.perf_counter() - started) * 1000)
    return times


def overhead(port: int, count: int = 200) -> dict[str, float]:
    """Milliseconds at the median of easy puzzles, one after the other: over HTTP, in an engine alone, and the difference."""
    rules, entry = Sudoku(), ModelStore(PROJECT / "model_store", ("sudoku",)).entries["sudoku"]
    puzzles = with_clues(mix(count), 36, np.random.default_rng(0))
    (engine,) = make_engines(entry, WorkerSpec(store=PROJECT / "model_store", models=("sudoku",))).values()
    grids, answers = [str(rules.render(question.tobytes(), "")) for question in puzzles.questions], list[tuple[float, bool, bool]]()
    uvloop.run(one_client(port, [request(grid, "bypass") for grid in grids], answers))
    http, engine_alone = float(np.median([seconds for seconds, _, _ in answers]) * 1000), float(np.median(alone(engine, puzzles)))
    return {"http_ms": http, "engine_ms": engine_alone, "overhead_ms": http - engine_alone}


def requests_per_s(port: int) -> float:
    """Requests a second of the empty route there."""
    answers, one = list[tuple[float, bool, bool]](), b"GET /empty HTTP/1.1\r\nHost: bench\r\n\r\n"

    async def all_clients() -> None:
        await asyncio.gather(*(one_client(port, [one] * (REQUESTS // CLIENTS), answers) for _ in range(CLIENTS)))

    started = time.perf_counter()
    uvloop.run(all_clients())
    assert all(answered for _, answered, _ in answers)
    return len(answers) / (time.perf_counter() - started)


def hits(port: int, grid: str) -> dict[str, float]:
    """Cache hits a second, and requests a second of an empty route on the same server and on a bare one: medians of rounds that take turns."""
    with bare_server() as bare_port:
        uvloop.run(load(port, [grid] * CLIENTS, CLIENTS, "use"))
        rounds = [
            (uvloop.run(load(port, [grid] * REQUESTS, CLIENTS, "use")).puzzles_per_s, requests_per_s(port), requests_per_s(bare_port)) for _ in range(ROUNDS)
        ]
    cached, empty, bare = np.median(rounds, axis=0).tolist()
    return {"hits_per_s": cached, "empty_route_per_s": empty, "bare_route_per_s": bare, "ratio": cached / empty, "ratio_to_bare": cached / bare}


@contextmanager
def bare_server() -> Iterator[int]:
    """A server of one empty route; its port."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", BARE, str(port)], stderr=subprocess.DEVNULL)
    try:
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


def main() -> None:
    """Measure all three and print tables and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", nargs="*", default=[], metavar="TRM_NAME=VALUE")
    environment = dict(each.split("=", 1) for each in parser.parse_args().settings)
    puzzles, rules = with_clues(mix(1), 36, np.random.default_rng(0)), Sudoku()
    grid = str(rules.render(puzzles.questions[0].tobytes(), ""))
    costs = pieces(grid, puzzles.answers[0].tobytes())
    print("| piece of a request | microseconds |", "| --- | --- |", *(f"| {name} | {cost:.1f} |" for name, cost in costs.items()), sep="\n")
    with server(environment, WITH_EMPTY_ROUTE) as (port, _):
        uvloop.run(load(port, [grid] * 8, 1))  # the first requests of a process are slower
        idle, cached = overhead(port), hits(port, grid)
    print("one easy puzzle at no load: {http_ms:.2f} ms over HTTP, {engine_ms:.2f} in an engine alone, {overhead_ms:.2f} more".format(**idle))
    print("cache hits: {hits_per_s:.0f} a second; an empty route {empty_route_per_s:.0f}, ratio {ratio:.2f}".format(**cached))
    print("an empty route of a server that has nothing else: {bare_route_per_s:.0f} a second, ratio {ratio_to_bare:.2f}".format(**cached))
    print(json.dumps({"bench": "path", "settings": environment, "pieces_us": costs, "no_load": idle, "cache_hits": cached}))


if __name__ == "__main__":
    main()
