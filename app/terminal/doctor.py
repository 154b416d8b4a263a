"""`trm doctor`: what `trm serve` would use on this machine with these settings, and why; what would keep it from starting. Changes nothing.

It looks at the same settings, opens the same store and takes a real step with every model, but serves nobody.
"""

import asyncio
import logging
import os
import platform
import socket
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Literal

from redis.exceptions import RedisError, ResponseError
from rich.console import Console
from rich.text import Text

from app.access import keys
from app.cache.address import Address, parse
from app.cache.client import connect
from app.engine.native.builds import builds
from app.errors import InvalidRequest, TRMError
from app.main import LOOPBACK, worker_spec
from app.metrics import Metrics
from app.model.store import ModelStore
from app.pool.local import LocalPool
from app.pool.messages import WorkerSpec
from app.serve import unknown_variables
from app.settings import CORES, Settings

GPUS = Path("/proc/driver/nvidia/gpus")
REDIS_SECONDS = 2.0
MARKS = {"ok": "green", "note": "yellow", "fails": "bold red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. What fails would keep the server from starting, a note would not."""

    name: str
    value: str
    why: str
    mark: Literal["ok", "note", "fails"] = "ok"


def doctor(settings: Settings, flags: Collection[str]) -> int:
    """Print what was found; the exit status, 1 if something fails. `flags` are the settings that were given on the command line."""
    logging.disable()  # what goes wrong is said below
    console, failed = Console(highlight=False), False
    looked_at = (_machine(), _compute(settings, flags), _models(settings), _ports(settings, flags), _keys(settings), _redis(settings), _variables())
    for finding in chain.from_iterable(looked_at):
        mark = (f"{finding.mark:<6}", MARKS[finding.mark])
        console.print(Text.assemble(mark, f"{finding.name:<9} {finding.value:<15} {finding.why}"), soft_wrap=True)
        failed |= finding.mark == "fails"
    return int(failed)


def _source(name: str, flags: Collection[str]) -> str:
    """Where a setting's value is from."""
    if name in flags:
        return f"--{name.replace('_', '-')}"
    variable = f"TRM_{name.upper()}"
    return variable if variable in os.environ else f"the default of {variable}"


def _machine() -> Iterator[Finding]:
    yield Finding("version", version("trm-serve"), f"Python {platform.python_version()}")
    total = os.cpu_count() or CORES
    yield Finding("cores", str(CORES), "all of this machine" if total == CORES else f"of {total}, this process may use so many")


def _compute(settings: Settings, flags: Collection[str]) -> Iterator[Finding]:
    """Backend, device, workers, threads and slots."""
    wanted = _source("backend", flags)
    if settings.backend == "torch" and find_spec("torch") is None:
        yield Finding("backend", "torch", f"{wanted}; but it is not installed: pip install -e '.[torch]'", "fails")
    elif settings.backend == "auto" and not builds():
        yield Finding("backend", "auto", f"{wanted}; ONNX Runtime, since the step in C was not built or this CPU cannot run it", "note")
    else:
        chosen = f"; the step in C for {builds()[0]} where it knows the model, else ONNX Runtime" if settings.backend == "auto" else ""
        yield Finding("backend", settings.backend, wanted + chosen)
    gpus = len(list(GPUS.glob("*")))
    if settings.backend != "torch":
        note = f"; {gpus} NVIDIA GPU found, which TRM_BACKEND=torch TRM_DEVICE=cuda would use" if gpus else ""
        yield Finding("device", "cpu", f"the {settings.backend} backend runs there{note}", "note" if gpus else "ok")
    else:
        yield Finding("device", settings.device, _source("device", flags))
    crowded = settings.device == "cpu" and settings.workers * (settings.threads or 1) > CORES
    more = f"; times {settings.threads} thread each, more than there are cores" if crowded else ""
    reason = "one a core, 8 at most" if _source("workers", flags).startswith("the default") else _source("workers", flags)
    yield Finding("workers", str(settings.workers), reason + more, "note" if crowded else "ok")
    share = max(1, CORES // settings.workers)
    measured = "1 a worker" if share == 1 else f"1 or {share} a worker, whichever proves faster"
    yield Finding("threads", f"{settings.threads} a worker" if settings.threads else measured, _source("threads", flags))


def _models(settings: Settings) -> Iterator[Finding]:
    """The models of the store, and whether each takes a step."""
    try:
        store = ModelStore(settings.model_store, settings.models)
    except TRMError as error:
        yield Finding("models", str(settings.model_store), error.detail, "fails")
        return
    spec = worker_spec(settings, store)
    yield Finding("slots", f"{spec.slots} a worker", "puzzles that are solved at once, by device" if settings.slots is None else "TRM_SLOTS")
    for entry in store.entries.values():
        started, puzzle = time.perf_counter(), entry.manifest.puzzle
        reads = f"{puzzle.family} of {'up to ' if len(entry.grids) > 1 else ''}{puzzle.height}x{puzzle.width}, version {entry.version}"
        try:
            asyncio.run(_step(replace(spec, models=(entry.name,), slots=1)))
        except (TRMError, ModuleNotFoundError) as error:
            yield Finding("model", entry.name, f"{reads}; {error}", "fails")
        else:
            yield Finding("model", entry.name, f"{reads}; loaded and took a step, {time.perf_counter() - started:.1f} s")


async def _step(spec: WorkerSpec) -> None:
    """Start a worker, which is ready once it has taken a step, and stop it."""
    pool = LocalPool(spec, 1, 1, Metrics())
    await pool.start()
    await pool.close()


def _ports(settings: Settings, flags: Collection[str]) -> Iterator[Finding]:
    """Whether what the server listens on is free."""
    yield _listening("address", settings.host, settings.port, _source("port", flags))
    if settings.metrics_port is None:
        yield Finding("metrics", "no own port", "TRM_METRICS_PORT is not set: /metrics, /healthz and /readyz are on the address above")
    elif settings.metrics_port == settings.port != 0:
        yield Finding("metrics", f"{settings.host}:{settings.port}", f"{_source('metrics_port', flags)}; it is the address above", "fails")
    else:
        yield _listening("metrics", settings.host, settings.metrics_port, _source("metrics_port", flags))


def _listening(name: str, host: str, port: int, source: str) -> Finding:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        return Finding(name, f"{host}:{port}", f"{source}; {error.strerror}", "fails")
    return Finding(name, f"{host}:{port}", f"{source}; free")


def _keys(settings: Settings) -> Iterator[Finding]:
    """Who may use the server. Names are told, keys and their hashes never."""
    try:
        found = keys.read(settings.api_keys.get_secret_value(), settings.api_keys_file)
    except InvalidRequest as error:
        yield Finding("keys", "unusable", error.detail, "fails")
        return
    if found:
        yield Finding("keys", str(len(found)), f"asked for; their clients: {', '.join(key.name for key in found)}")
    else:
        told = "neither TRM_API_KEYS nor TRM_API_KEYS_FILE is set: whoever reaches the server may use it"
        yield Finding("keys", "none", told, "ok" if settings.host in LOOPBACK else "note")


def _redis(settings: Settings) -> Iterator[Finding]:
    """Where answers and jobs are kept, and whether that answers. The server starts without it, too."""
    for name, url, usual, none in (
        ("answers", settings.redis_url, "allkeys-lru", f"up to {settings.cache_entries} are kept in memory, and shared with nobody"),
        ("jobs", settings.jobs_redis_url, "noeviction", "they are kept in memory, and end with the server"),
    ):
        variable = "TRM_REDIS_URL" if name == "answers" else "TRM_JOBS_REDIS_URL"
        if secret := url.get_secret_value():
            yield _asked(name, variable, parse(secret), usual)
        else:
            yield Finding(name, "memory", f"{variable} is not set: {none}")


def _asked(name: str, variable: str, address: Address, usual: str) -> Finding:
    """What a Redis says, which is best set to do as `usual` when it is full."""
    where = address.path or ",".join(f"{host}:{port}" for host, port in address.hosts)
    try:
        seconds, policy = asyncio.run(_ask(address))
    except (RedisError, OSError, TimeoutError) as error:
        reason = address.without_secrets(str(error)) or f"no answer in {REDIS_SECONDS:g} s"
        return Finding(name, where, f"{variable}; away: {reason}", "note")
    wrong = f"; its maxmemory-policy is {policy}, and {usual} is right for {name}" if policy not in ("", usual) else ""
    return Finding(name, where, f"{variable}; answers in {seconds * 1000:.1f} ms{wrong}", "note" if wrong else "ok")


async def _ask(address: Address) -> tuple[float, str]:
    """How long a ping takes, in seconds, on a connection that is there, and what Redis does when it is full."""
    client, _ = connect(address, 1, REDIS_SECONDS)
    async with asyncio.timeout(REDIS_SECONDS), client:
        await client.ping()
        started = time.perf_counter()
        await client.ping()
        seconds = time.perf_counter() - started
        try:
            return seconds, (await client.info("memory")).get("maxmemory_policy", "")
        except ResponseError:  # a user may be allowed to read and write answers only
            return seconds, ""


def _variables() -> Iterator[Finding]:
    for name in unknown_variables():
        yield Finding("variable", name, "no such setting, ignored", "note")
