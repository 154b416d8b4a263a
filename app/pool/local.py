"""The in-process twin of the process pool: the same pipe, messages and loop, with threads for processes.

For one-off solves, evaluation and tests; a step that crashes the interpreter takes everything with it here.
"""

import threading

from app.pool import worker
from app.pool.messages import Stop
from app.pool.pipe import Channel, pair
from app.pool.processes import ProcessPool
from app.pool.worker_process import WorkerProcess


class WorkerThread(WorkerProcess):
    """A worker in a thread of this process."""

    thread: threading.Thread | None = None

    def launch(self) -> None:
        """Start a fresh thread."""
        self.end, child = pair()
        thread = threading.Thread(target=worker.serve, args=(Channel(child), self.spec), name=f"trm-worker-{self.member.name}", daemon=True)
        thread.start()
        self.thread = thread

    def kill(self) -> None:
        """Ask the thread to end at its next step: nothing can end it sooner."""
        self.send(Stop())

    def reap(self) -> None:
        """Wait for the thread that was told to end. Blocks."""
        if self.thread is not None:
            self.thread.join(10)


class LocalPool(ProcessPool):
    """A pool of worker threads; see `base.Pool`."""

    make_worker = WorkerThread
