"""All configuration, read once from the environment (prefix `TRM_`). Only `cli` and `main` look at it."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.access import keys
from app.cache.address import parse

QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Microseconds of processor time that a container may take in so many, under version 2 of control groups."""


def cores(quota: Path = QUOTA) -> int:
    """Cores that this process may use: those it may run on, or fewer where its container may not take all their time."""
    able = len(os.sched_getaffinity(0))
    try:
        most, period = quota.read_text().split()
        return able if most == "max" else max(1, min(able, int(most) // int(period)))
    except (OSError, ValueError):  # no container, or an older one
        return able


CORES = cores()
YEARS = 10 * 365 * 86400
PROJECT = Path(__file__).resolve().parent.parent


def _redis_url(url: SecretStr) -> SecretStr:
    if url.get_secret_value():
        parse(url.get_secret_value())
    return url


def _api_keys(text: SecretStr) -> SecretStr:
    keys.parse(text.get_secret_value())
    return text


def _of_torch(value: str | bool, info: ValidationInfo) -> str | bool:
    """Refuse what only the torch backend does where another is to run: whoever asked would not get it, and not be told."""
    if value not in ("cpu", False) and info.data.get("backend", "torch") != "torch":
        raise ValueError("only the torch backend does that, TRM_BACKEND=torch")
    return value


class Settings(BaseSettings):
    """Every setting of the server. Command-line flags of `trm serve` override the environment."""

    model_config = SettingsConfigDict(env_prefix="TRM_", frozen=True, extra="forbid", hide_input_in_errors=True)

    host: Annotated[str, Field(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Port to listen on; 0 takes a free one.")] = 8000
    model_store: Annotated[Path, Field(description="Folder of the model store.")] = PROJECT / "model_store"
    models: Annotated[tuple[str, ...], Field(description="Models to serve, as a JSON list; empty serves all but those that want to be named.")] = ()
    backend: Annotated[
        Literal["auto", "onnx", "torch"],
        Field(description="What runs a step: auto is the step in C where it knows CPU and model, else onnx; torch runs on a CPU or a GPU."),
    ] = "auto"
    device: Annotated[
        str, AfterValidator(_of_torch), Field(pattern=r"^(cpu|cuda(:\d+)?)$", description="Device of the torch backend: cpu, cuda or cuda:N.")
    ] = "cpu"
    compile: Annotated[
        bool,
        AfterValidator(_of_torch),
        Field(description="Whether torch compiles the step of models of 256 channels and more: quicker on a GPU, for a longer start and with a C compiler."),
    ] = False
    workers: Annotated[int, Field(ge=1, le=256, description="Worker processes.")] = min(8, CORES)
    threads: Annotated[
        int | None,
        Field(ge=1, le=256, description="Threads of each worker, of which the step in C takes one; measured at the start if left out."),
    ] = None
    slots: Annotated[int | None, Field(ge=1, le=4096, description="Puzzles whose state a worker holds, per model and grid: 32 on a CPU, 256 on a GPU.")] = None
    batch: Annotated[int | None, Field(ge=1, le=4096, description="Fewest puzzles of a step, if so many are there; measured at the start if left out.")] = None
    refill: Annotated[Literal["step", "batch"], Field(description="When freed slots are refilled: batch is whole-request batching, for comparison only.")] = (
        "step"
    )
    queue_capacity: Annotated[int, Field(ge=1, description="Puzzles that may wait beyond those that workers run or start next; more are refused.")] = 1024
    cache_entries: Annotated[int, Field(ge=1, description="Answers kept by the in-memory cache.")] = 100_000
    redis_url: Annotated[SecretStr, AfterValidator(_redis_url), Field(description="Redis that shares answers between servers; none keeps them in memory.")] = (
        SecretStr("")
    )
    redis_timeout_seconds: Annotated[float, Field(gt=0, le=10, description="Longest that a request waits for Redis, each time that it asks.")] = 0.05
    cache_seconds: Annotated[float, Field(gt=0, le=YEARS, description="How long a solved answer is kept.")] = 30 * 86400.0
    cache_unsolved_seconds: Annotated[float, Field(gt=0, le=YEARS, description="How long an unsolved one is kept.")] = 300.0
    api_keys: Annotated[
        SecretStr, AfterValidator(_api_keys), Field(description=f"API keys, comma-separated, each `{keys.FORM}`; with none at all, everybody is let in.")
    ] = SecretStr("")
    api_keys_file: Annotated[Path | None, Field(description="File of more API keys, one a line.")] = None
    cors_origins: Annotated[tuple[str, ...], Field(description="Origins whose pages may call the API from a browser, as a JSON list; `*` is any.")] = ()
    metrics_port: Annotated[int | None, Field(ge=0, le=65535, description="Port of /metrics, /healthz and /readyz, which then leave the other one.")] = None
    jobs_redis_url: Annotated[SecretStr, AfterValidator(_redis_url), Field(description="Redis that keeps jobs; none keeps them in memory.")] = SecretStr("")
    jobs_puzzles: Annotated[int, Field(ge=1, description="Most puzzles of one job.")] = 100_000
    jobs_client_puzzles: Annotated[int, Field(ge=1, description="Puzzles without a result that one client may have in all its jobs.")] = 300_000
    jobs_client_open: Annotated[int, Field(ge=1, description="Jobs that one client may have open.")] = 100
    jobs_memory_puzzles: Annotated[int, Field(ge=1, description="Puzzles of all jobs that are kept in memory.")] = 300_000
    jobs_keep_seconds: Annotated[float, Field(gt=0, le=YEARS, description="How long a job is kept, and again after its end.")] = 7 * 86400.0
    jobs_lease_seconds: Annotated[float, Field(ge=1, le=3600, description="After how long the puzzles of a consumer that is silent go to others.")] = 30.0
    max_job_bytes: Annotated[int, Field(ge=1, description="Largest body of a job sent as NDJSON, in bytes; as JSON it is a batch's.")] = 256 << 20
    max_body_bytes: Annotated[int, Field(ge=1, description="Largest body of a request for one puzzle, in bytes.")] = 1 << 20
    max_batch_bytes: Annotated[int, Field(ge=1, description="Largest body of a batch, in bytes.")] = 16 << 20
    batch_puzzles: Annotated[int, Field(ge=1, description="Most puzzles of one batch.")] = 1000
    batch_backlog: Annotated[int, Field(ge=1, description="Puzzles of all batches that are open at once; a batch beyond them is refused with 503.")] = 10_000
    stall_seconds: Annotated[float, Field(gt=0, description="A worker that holds puzzles and is silent for so long is replaced.")] = 30.0
    drain_seconds: Annotated[float, Field(ge=0, description="After SIGTERM, how long to answer 503 and listen on before closing.")] = 5.0
    shutdown_seconds: Annotated[int, Field(ge=1, description="Then, how long requests in flight may take to finish.")] = 30
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Field(description="Least severe log lines written.")] = "info"
