"""`trm serve` and `trm worker`: uvicorn around the application, with a drain that lets load balancers look away first. Knows signals.

After SIGTERM: readiness and new solves answer 503, the server listens on for `drain_seconds`, then finishes what is in flight,
then the workers stop. Ctrl-C skips the wait; a second one leaves at once.
"""

import asyncio
import gc
import logging
import os
import signal
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.server import HANDLED_SIGNALS

from app.api.deps import Services
from app.connection import Connection
from app.errors import InvalidRequest
from app.logs import configure_logging
from app.main import create_app, create_operations, create_services
from app.settings import Settings

log = logging.getLogger("trm.serve")
KEEP_ALIVE_SECONDS = 75
"""How long an idle connection stays open: longer than proxies hold theirs (60 as a rule), and until a browser on a busy machine comes back to it."""
CLIENT_KEY = "TRM_API_KEY"
"""Not the server's, yet not misspelt: with what `trm solve` and `trm jobs` ask a server."""
GARBAGE = 50_000
"""Objects made, less those freed, before young ones are searched for cycles, of which requests leave none that were seen. Python's own number is 700. With
10,000 a search among the objects of a thousand requests kept all others waiting for 20 to 70 ms, every few seconds, and found nothing."""


class Server(uvicorn.Server):
    """uvicorn's server with the drain in front of its shutdown."""

    def __init__(self, config: uvicorn.Config, services: Services, drain_seconds: float, shutdown_seconds: int, beside: "Beside | None" = None) -> None:
        super().__init__(config)
        self.beside = beside
        self.solver, self.pool = services.solver, services.pool
        self.drain_seconds, self.shutdown_seconds = drain_seconds, shutdown_seconds
        self.drained_at, self.leaving = float("inf"), list[asyncio.Task[None]]()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Uvicorn's handlers, and only with them the signals: one that came before must not be lost in whatever ran just then."""
        with super().capture_signals():
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED_SIGNALS)
            yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first SIGTERM starts the drain; anything else goes on to uvicorn's own way out."""
        if sig == signal.SIGTERM and not self.solver.draining:
            self.solver.draining = True
            self.drained_at = time.monotonic() + self.drain_seconds
        else:
            self.solver.draining = True
            super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and what is served beside when this has started."""
        await super().startup(sockets)
        if self.beside is not None:
            self.beside.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what is in flight; what takes longer than `shutdown_seconds` is refused, before uvicorn would cut it off."""
        asyncio.get_running_loop().call_later(self.shutdown_seconds, lambda: self.leaving.append(asyncio.create_task(self.pool.close())))
        await super().shutdown(sockets)
        if self.beside is not None:
            await self.beside.stop()

    async def on_tick(self, counter: int) -> bool:
        """Called by uvicorn ten times a second: end the drain when it is time."""
        if time.monotonic() >= self.drained_at:
            self.should_exit = True
        return await super().on_tick(counter)


class Beside(uvicorn.Server):
    """A second server in the same loop, with a socket of its own: it starts after the first one and stops after it, and no signal is its business."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        try:
            self.socket = socket.create_server((config.host, config.port), family=socket.AF_INET6 if ":" in config.host else socket.AF_INET)
        except OSError as error:
            raise InvalidRequest(f"TRM_METRICS_PORT: {config.host}:{config.port} cannot be listened on: {error.strerror}") from None
        self.task: asyncio.Task[None] | None = None

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave them to the first server."""
        yield

    def start(self) -> None:
        """Begin to serve."""
        self.task = asyncio.create_task(self.serve([self.socket]))
        log.info("operations are served on a port of their own", extra={"port": self.socket.getsockname()[1]})

    async def stop(self) -> None:
        """Finish what is in flight."""
        self.should_exit = True
        if self.task is not None:
            await self.task


def unknown_variables() -> list[str]:
    """Environment variables with our prefix that name no setting: misspelt, or set by an orchestrator for its own ends."""
    known = {CLIENT_KEY, *(f"TRM_{name.upper()}" for name in Settings.model_fields)}
    return sorted(name for name in os.environ if name.startswith("TRM_") and name not in known)


def configure(app: FastAPI, settings: Settings, port: int) -> uvicorn.Config:
    """How an application is served on a port."""
    return uvicorn.Config(
        app,
        http=Connection,
        host=settings.host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.shutdown_seconds + 5,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )


def give_way() -> None:
    """Do not interrupt the workers for each message, where the system can be told so; nor they this process, since they inherit it.

    A process that wakes up for one gets a core at once, finds its data gone from the caches and takes half as long again. So it waits, where no core is free,
    until a worker's time slice ends, some milliseconds, and then finds several messages; where a core is free nothing changes.
    """
    with suppress(AttributeError, OSError):  # not Linux; not permitted
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def serve(settings: Settings, *, solving: bool = True) -> int:
    """Serve until told to stop; the exit status. Without `solving`, serve jobs only. Raises `InvalidModel` for an unusable store."""
    configure_logging(settings.log_level)
    for name in unknown_variables():
        log.warning("no such setting, ignored", extra={"variable": name})
    services = create_services(settings)
    app = create_app(settings, services, solving=solving)
    config = configure(app, settings, settings.port)
    beside = None if settings.metrics_port is None else Beside(configure(create_operations(settings, services), settings, settings.metrics_port))
    server = Server(config, services, settings.drain_seconds, settings.shutdown_seconds, beside)
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED_SIGNALS)
    give_way()
    log.info("serving", extra={"models": list(services.store.entries), "workers": settings.workers})
    gc.freeze()  # what was made so far lives as long as the process
    gc.set_threshold(GARBAGE)
    server.run()
    return 0 if server.started else 3
