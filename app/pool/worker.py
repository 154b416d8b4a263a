"""The worker's side of the pipe: its engines, one a model, and the loop that steps those with work by turns.

Knows no HTTP and no other worker. Ends at `Stop` or when the pool's end of the pipe is gone, so no worker outlives its server.
"""

import contextlib
import gc
import os
import signal
import socket
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain

from app.engine.calibration import quickest, smallest_batch
from app.engine.engine import Engine, Step
from app.engine.request import Request
from app.engine.runner import Runner
from app.engine.scheduler import Guesses
from app.errors import InvalidModel, TRMError
from app.model.store import GRAPH, WEIGHTS, Entry, ModelStore
from app.model.stored import TABLE, Stored
from app.pool.messages import Abort, Broken, FromWorker, Idle, Ready, Shown, Stepped, Stop, Submit, ToWorker, WorkerSpec
from app.pool.pipe import Channel
from app.puzzles.families import FAMILIES
from app.puzzles.sudoku import SudokuRules

NICENESS = 5
"""By how much workers give way to the process that feeds them: without it a busy machine keeps requests waiting, those too that are refused at once."""

COMPILED_WIDTH = 256
"""Channels of a model whose step is worth compiling: steps of a smaller one wait for the host as it is, and compiling takes 15 seconds a grid."""

TELL_SECONDS = 0.02
"""Longest that the pool is told nothing of steps that are run: in time for it to send on what can start, and for a worker to be known to go on."""
BULK_SECONDS = 0.006
"""After so long, at the end of a step, the pool is told of bulk that is done. To hear of those of every step takes a sixth more of its time for each."""


def make_runner(entry: Entry, spec: WorkerSpec) -> Runner:
    """The runner that the spec asks for; imports only what that one needs."""
    if spec.backend != "torch":
        return quickest(_on_cpu(entry, spec))
    import torch

    from app.engine.torch_rules import check
    from app.engine.torch_runner import TorchRunner
    from app.model import weights

    torch.set_num_threads(spec.threads or spec.cores)
    puzzle, compiled = entry.manifest.puzzle, spec.compiled and entry.config.hidden_size >= COMPILED_WIDTH
    judge = check(puzzle.family, puzzle.height, puzzle.width, spec.device) if spec.device != "cpu" else None  # from a CPU nothing has to be fetched
    return TorchRunner(weights.load(entry), spec.slots, spec.device, compiled=compiled, check=judge)


def _on_cpu(entry: Entry, spec: WorkerSpec) -> Iterator[Runner]:
    """The runners to choose from: the step in C, which takes one thread, where it knows the model, and ONNX Runtime for other numbers of threads.

    Raises `InvalidModel` where there is none: for a model without an ONNX step, on a CPU for which there is no build.
    """
    from app.engine.native.builds import build_for

    graph = entry.file(GRAPH) if GRAPH in entry.manifest.sha256 else None  # checked even where nothing reads it here: clients download it
    build = build_for(entry.config) if spec.backend == "auto" else None
    if build:
        from app.engine.native_runner import NativeRunner

        puzzle = entry.manifest.puzzle
        rules = FAMILIES[puzzle.family].rules(puzzle.height, puzzle.width)
        yield NativeRunner(entry.file(WEIGHTS), entry.config, spec.slots, build, rules if isinstance(rules, SudokuRules) else None)
    if graph is None:
        if build is None:
            raise InvalidModel(f"{entry.name} has no {GRAPH}; where the step in C does not run it, TRM_BACKEND=torch does")
        return
    choices = (spec.threads,) if spec.threads else sorted({1, spec.cores})
    for threads in [threads for threads in choices if not (build and threads == 1)]:
        from app.engine.onnx_runner import OnnxRunner

        yield OnnxRunner(graph, spec.slots, threads, Stored(entry.file(WEIGHTS), TABLE) if entry.config.named else None)


def make_engines(entry: Entry, spec: WorkerSpec) -> dict[int, Engine]:
    """One engine for each grid of a model, by its number of cells, calibrated where the spec leaves it open, and warmed up by a real step on an empty grid."""
    family = FAMILIES[entry.manifest.puzzle.family]
    guesses = Guesses(**entry.manifest.guesses.model_dump()) if entry.manifest.guesses else None
    runner, engines = make_runner(entry, spec), dict[int, Engine]()
    for height, width in entry.grids:
        sized = runner if (height, width) == entry.grids[-1] else runner.on(height, width)
        batch = spec.batch or (smallest_batch(sized) if sized.device == "cpu" else sized.slots)  # on a GPU a swap of slots costs more than a slot
        engines[height * width] = engine = Engine(sized, family.rules(height, width), refill=spec.refill, guesses=guesses, batch=batch)
        engine.add(Request(id="warm-up", cells=bytes([1]) * sized.cells, halt="never", max_steps=1, attempts=1, deadline=float("inf")))
        engine.step()
    return engines


class Worker:
    """The loop over one pipe. `engines` are by model and by the number of cells that a puzzle has.

    `untold` are steps of each model that nobody waits to hear of: reading a message for each would take time from the process that answers requests.
    """

    def __init__(self, pipe: Channel[FromWorker, ToWorker], engines: dict[str, dict[int, Engine]]) -> None:
        self.pipe, self.engines = pipe, engines
        self.busy = dict[Engine, str]()
        """Those with work, and their models, in the order of their turns."""
        self.untold: defaultdict[str, list[Step]] = defaultdict(list)
        self.told, self.done = time.monotonic(), False
        """When the pool was told last, and whether puzzles are done that it has not been told of."""

    def run(self) -> None:
        """Serve until told to stop."""
        self.pipe.send(Ready(next(engine for sized in self.engines.values() for engine in sized.values()).runner.device))
        while self._receive():
            if not self.busy:
                self._tell_all()
                self.pipe.send(Idle())
            for engine, model in list(self.busy.items()):
                self._note(model, engine.step())
                self._rest(engine)
            if not self.busy:
                self._tell_all()

    def _note(self, model: str, step: Step) -> None:
        """Tell of a step at once if somebody waits for what it brought, and else with later ones."""
        if step.shown:
            self.pipe.send(Shown(tuple(step.shown)))
        self.untold[model].append(step)
        self.done = self.done or bool(step.finished)
        if step.awaited or step.shown or time.monotonic() - self.told > (BULK_SECONDS if self.done else TELL_SECONDS):
            self._tell_all()

    def _tell_all(self) -> None:
        for model, steps in self.untold.items():
            finished, started = chain.from_iterable(step.finished for step in steps), chain.from_iterable(step.started for step in steps)
            self.pipe.send(Stepped(model, tuple((step.size, step.seconds) for step in steps), tuple(finished), tuple(started)))
        self.untold.clear()
        self.told, self.done = time.monotonic(), False

    def _rest(self, engine: Engine) -> None:
        """Leave an engine alone that has no work any more."""
        if not engine.busy:
            self.busy.pop(engine, None)

    def _receive(self) -> bool:
        """Take the messages that are there, waiting for one only when there is nothing to step; False at the end."""
        for message in self.pipe.receive(wait=not self.busy):
            match message:
                case Submit(model, request):
                    engine = self.engines[model][len(request.cells)]
                    engine.add(request)
                    self.busy[engine] = model
                case Abort(model, request_id):
                    for engine in self.engines[model].values():
                        engine.abort(request_id)
                        self._rest(engine)
                case Stop():
                    return False
        return True


def serve(pipe: Channel[FromWorker, ToWorker], spec: WorkerSpec) -> None:
    """Build the engines and run the loop; a failure is told to the pool in one sentence before the worker ends."""
    with contextlib.closing(pipe), contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            store = ModelStore(spec.store, spec.models)
            made = Worker(pipe, {name: make_engines(entry, spec) for name, entry in store.entries.items()})
            gc.freeze()  # what was made so far lives as long as the process
            made.run()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:  # whatever it is, the pool must hear of it
            pipe.send(Broken(error.detail if isinstance(error, TRMError) else f"{type(error).__name__}: {error}"))


def main(end: socket.socket, spec: WorkerSpec) -> None:
    """Entry point of a worker process. Signals reach the whole process group; when to end is the parent's to say."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    os.nice(NICENESS)
    serve(Channel(end), spec)
