"""Workers without models for real pools: an oracle in a thread, and processes that die or hang on certain puzzles.

Nothing here imports torch or onnxruntime, so the processes start quickly.
"""

import contextlib
import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Callable

from app.engine.engine import Engine
from app.pool.local import LocalPool, WorkerThread
from app.pool.messages import WorkerSpec
from app.pool.pipe import Channel, pair
from app.pool.processes import ProcessPool
from app.pool.worker import Worker
from app.pool.worker_process import WorkerProcess
from app.puzzles.sudoku import rules
from tests.support.grids import tokens
from tests.support.runners import NEVER, Oracle

DEADLY, HANGING = (tokens(first + "." * 15).tobytes() for first in "12")


class PacedOracle(Oracle):
    """An oracle whose steps take a millisecond, as those of a small model do."""

    def step(self, size, first=0):
        time.sleep(0.001)
        return super().step(size, first)


def serve(pipe: Channel, spec: WorkerSpec, depth: Callable[[bytes], float]) -> None:
    """What `app.pool.worker.serve` does, with 4x4 oracles for models."""
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        Worker(pipe, {name: {16: Engine(PacedOracle(spec.slots, 16, depth), rules(4))} for name in spec.models}).run()
    pipe.close()


class OracleThread(WorkerThread):
    """Solves nothing, so that a test decides by steps and attempts how long a puzzle takes."""

    def launch(self) -> None:
        self.end, child = pair()
        self.thread = threading.Thread(target=serve, args=(Channel(child), self.spec, lambda _: NEVER), daemon=True)
        self.thread.start()


class OraclePool(LocalPool):
    make_worker = OracleThread


def harmful_main(end: socket.socket, spec: WorkerSpec) -> None:
    """Solves puzzles in three steps, but really dies or hangs on two of them, leaving a note in the store's folder."""

    def depth(question: bytes) -> float:
        if question == DEADLY:
            os._exit(9)
        if question == HANGING:
            (spec.store / "hanging").touch()
            time.sleep(600)
        return 3

    serve(Channel(end), spec, depth)


def stillborn_main(end: socket.socket, spec: WorkerSpec) -> None:
    os._exit(9)


class HarmfulProcess(WorkerProcess):
    main = staticmethod(harmful_main)

    def launch(self) -> None:
        self.end, child = pair()
        self.process = multiprocessing.get_context("spawn").Process(target=self.main, args=(child, self.spec), daemon=True)
        self.process.start()
        child.close()


class StillbornProcess(HarmfulProcess):
    main = staticmethod(stillborn_main)


class HarmfulPool(ProcessPool):
    make_worker = HarmfulProcess


class StillbornPool(ProcessPool):
    make_worker = StillbornProcess
