"""One server at a time: start it, wait until it answers rightly, load it, end it. Knows no particular server."""

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import uvloop

from app.model.store import Manifest
from app.puzzles.base import Tokens
from app.settings import PROJECT
from bench.peers.asking import Connections
from bench.peers.load import Figures, Solve, closed, offered
from bench.peers.options import Options
from bench.peers.processes import START_SECONDS, Unavailable, free_port, running, tail
from bench.peers.targets import Ours, Peer

Target = Ours | Peer
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do with every server. Durations in seconds; a load's `warm_up` comes before what is measured of it."""

    puzzles: Sequence[Tokens]
    manifest: Manifest
    clients: int
    warm_up: float
    seconds: float
    sweep_warm_up: float
    sweep_seconds: float
    patience: float
    batches: Sequence[int]
    waits: Sequence[int]


@dataclass(frozen=True, slots=True)
class Tried:
    """One setting of a sweep, and its rate at saturation; 0 where it answered nothing in time, or `problem` says why it did not run."""

    options: Options
    puzzles_per_s: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Own:
    """A server at its own pace: saturated, and at shares of that."""

    saturated: Figures
    half: Figures
    most: Figures


class Server:
    """A server that runs, and the loads it can be put under."""

    def __init__(self, target: Target, port: int, plan: Plan) -> None:
        self.ask, self.port, self.plan = target.ask(plan.manifest), port, plan

    def saturate(self, warm_up: float, seconds: float, patience: float) -> Figures:
        """A closed loop; what is open `patience` seconds after it is given up."""
        return self._under(lambda solve: closed(solve, self.plan.puzzles, self.plan.clients, warm_up, seconds, patience))

    def offer(self, rate: float) -> Figures:
        """An open loop of `rate` puzzles a second."""
        return self._under(lambda solve: offered(solve, self.plan.puzzles, rate, self.plan.warm_up, self.plan.seconds, self.plan.patience))

    def answers(self) -> bool:
        """Whether a puzzle comes back solved."""

        async def first(solve: Solve) -> bool:
            with contextlib.suppress(TimeoutError):
                return (await asyncio.wait_for(solve(self.plan.puzzles[0]), 30)).verified
            return False

        return self._under(first)

    def _under(self, load: Callable[[Solve], Awaitable[T]]) -> T:
        async def run() -> T:
            connections = Connections(self.port)
            try:
                return await load(lambda question: self.ask(connections, question))
            finally:
                connections.close()

        return uvloop.run(run())


@contextlib.contextmanager
def serving(target: Target, options: Options, plan: Plan) -> Iterator[Server]:
    """A server on a free port that has answered a puzzle. Raises `Unavailable` when it does not."""
    options = replace(options, port=free_port())
    command, variables = target.start(options)
    with running(command, variables, target.log) as process:
        server = Server(target, options.port, plan)
        _await(server, process, target)
        yield server


def _await(server: Server, process: "subprocess.Popen[bytes]", target: Target) -> None:
    give_up = time.monotonic() + START_SECONDS
    while not server.answers():
        if process.poll() is not None or time.monotonic() > give_up:
            raise Unavailable(f"{target.title} did not start ({target.log.relative_to(PROJECT)}): {tail(target.log)}")
        time.sleep(0.2)


def tune(peer: Peer, options: Options, plan: Plan) -> list[Tried]:
    """Batch sizes, then waits, then variants, each with what was best before; the best one first. Raises `Unavailable` when none answers."""
    tried = list[Tried]()

    def attempt(several: Sequence[Options]) -> Options:
        for each in several:
            try:
                with serving(peer, each, plan) as server:
                    tried.append(Tried(each, server.saturate(plan.sweep_warm_up, plan.sweep_seconds, 0).puzzles_per_s))
            except Unavailable as error:
                tried.append(Tried(each, 0, str(error)))
        tried.sort(key=lambda each: -each.puzzles_per_s)
        if not tried[0].puzzles_per_s:
            raise Unavailable(tried[0].problem or "under load it answered nothing")
        return tried[0].options

    best = attempt(peer.sweep(options, plan.batches, plan.waits))
    best = attempt(peer.further(best, plan.waits))
    attempt(peer.last(best))
    return tried


def own_pace(target: Target, options: Options, plan: Plan) -> Own:
    """Saturation, then half and four fifths of it. Raises `Unavailable` when nothing is answered."""
    with serving(target, options, plan) as server:
        saturated = server.saturate(plan.warm_up, plan.seconds, plan.patience)
        if not saturated.puzzles_per_s:
            raise Unavailable("under load it answered nothing")
        return Own(saturated, server.offer(0.5 * saturated.puzzles_per_s), server.offer(0.8 * saturated.puzzles_per_s))
