"""One place of the pool and the process that fills it: launched, spoken to, ended. Knows neither when nor why.

Launching and waiting for an end block, so they are called off the event loop.
"""

import asyncio
import atexit
import multiprocessing
import socket
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.process import BaseProcess

from app.pool import worker
from app.pool.dispatch import Member
from app.pool.messages import FromWorker, ToWorker, WorkerSpec
from app.pool.pipe import Line, pair


class WorkerProcess:
    """One place of the pool, and the process that fills it now."""

    def __init__(self, name: str, spec: WorkerSpec) -> None:
        self.spec, self.member = spec, Member(name, self.send)
        self.end: socket.socket | None = None
        self.line: Line[ToWorker, FromWorker] | None = None
        self.process: BaseProcess | None = None
        self.up, self.gone = asyncio.Event(), asyncio.Event()
        self.reason, self.device = "", spec.device
        self.unanswered_since: float | None = None
        self.under_way: asyncio.Future[None] | None = None

    def launch(self) -> None:
        """Start a fresh process. Blocks for some milliseconds, so it is called off the event loop."""
        self.end, child = pair()
        process = multiprocessing.get_context("spawn").Process(target=worker.main, args=(child, self.spec), name=f"trm-worker-{self.member.name}", daemon=True)
        try:
            process.start()
        finally:
            child.close()
        atexit.register(process.kill)  # multiprocessing would wait for it there, and it waits for us
        self.process = process

    def send(self, message: ToWorker) -> None:
        """Send a message, without ever blocking; to a worker that just died it is lost, which its death makes good."""
        self.unanswered_since = self.unanswered_since or time.monotonic()
        if self.line is not None:
            self.line.send(message)

    async def attach(self, deliver: "Callable[[WorkerProcess, FromWorker | None], None]") -> None:
        """Let `deliver` be called in the event loop with each message that comes, at last with None."""
        assert self.end is not None
        end, self.end, self.line = self.end, None, Line[ToWorker, FromWorker](partial(deliver, self))  # first: it may deliver before this goes on
        await self.line.open(end)

    def kill(self) -> None:
        """End the process, if it still runs, at once."""
        if self.process is not None:
            self.process.kill()

    def reap(self) -> None:
        """Wait for the process that was told to end; kill it if it does not. Blocks."""
        if self.process is not None:
            self.process.join(5)
            self.process.kill()
            self.process.join()
            atexit.unregister(self.process.kill)

    def detach(self) -> None:
        """Let go of the pipe, to which a worker that still runs ends."""
        if self.line is not None:
            self.line.close()
        if self.end is not None:
            self.end.close()
        self.end = self.line = None
