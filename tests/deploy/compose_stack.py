"""`python -m tests.deploy.compose_stack`: build the image, run the compose stack with podman, use it, kill a container, and say what was seen.

All services but Grafana, of which no image can be made here. This podman keeps no health checks going and waits for none, so they are run from here,
and the order of the start is that of `depends_on`. Ends with one JSON line; whatever is not as it should be is an AssertionError.
"""

import json
import os
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from tests.deploy.tools import PROJECT, tool
from tests.e2e.puzzles import ANSWER, NEWSPAPER, distinct
from tests.e2e.serving import body, until
from tests.support.redis_servers import free_port

HERE = Path(__file__).parent
ENVIRONMENT = os.environ | {"CONTAINERS_CONF": str(HERE / "containers.conf")}
CPU, BASE = "localhost/trm-serve:cpu", "docker.io/library/python:3.11-slim"
SERVICES = ("redis-cache", "redis-jobs", "api", "worker", "prometheus")
DEPENDENT = {"api", "worker"}


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    """A command of podman's family, ended, however it ended."""
    return subprocess.run([tool(words[0]), *words[1:]], cwd=PROJECT, env=ENVIRONMENT, capture_output=True, text=True, check=False)


def podman(*words: str) -> str:
    """What podman prints."""
    done = run("podman", *words)
    assert done.returncode == 0, f"podman {' '.join(words)}: {done.stderr}"
    return done.stdout.strip()


def inspected(name: str) -> dict[str, Any]:
    return dict(json.loads(podman("inspect", name))[0])


def build() -> None:
    """The CPU image, on a base image that is made of Debian's packages where there is none."""
    if run("podman", "image", "inspect", BASE).returncode != 0:
        subprocess.run([HERE / "stand_in_images"], env=ENVIRONMENT, check=True)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "pip.conf").write_text("[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n")
        trusted = (
            "--volume=/etc/ssl/certs:/etc/ssl/certs:ro",
            f"--volume={folder}/pip.conf:/etc/pip.conf:ro",
        )  # this machine's authorities, at build time only
        podman("build", "--format=docker", "--network=host", *trusted, "--target=cpu", f"--tag={CPU}", ".")


def start() -> tuple[float, float]:
    """Seconds from `podman run` of the image alone, with default settings: until podman has started it, and until it is ready."""
    port, began = free_port(), time.monotonic()
    name = podman("run", "--detach", "--rm", "--read-only", "--cap-drop=all", "--network=host", f"--env=TRM_PORT={port}", CPU)
    started = time.monotonic() - began
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:  # one for all, since making one costs what is measured
        until(lambda: answers(client), "the container is ready")
    ready = time.monotonic() - began
    podman("stop", "--time=30", name)
    return started, ready


def answers(client: httpx.Client) -> bool:
    """Whether a server is ready."""
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


class Compose:
    """The stack under a name, with passwords and ports of its own; entered when every service is healthy."""

    def __init__(self) -> None:
        self.ports = {name: free_port() for name in ("API_PORT", "PROMETHEUS_PORT")}
        self.folder = tempfile.TemporaryDirectory(prefix="compose")
        passwords = {name: secrets.token_hex(16) for name in ("REDIS_PASSWORD", "GRAFANA_PASSWORD")}
        self.environment = Path(self.folder.name) / "env"
        self.environment.write_text("".join(f"{name}={value}\n" for name, value in (passwords | self.ports | {"TRM_WORKERS": 1}).items()))
        self.api, self.prometheus = (httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) for port in self.ports.values())

    def compose(self, *words: str) -> None:
        options = ("--env-file", str(self.environment), "--project-name", "trm-check", "--profile", "workers")
        done = run("podman-compose", *options, *words)
        assert done.returncode == 0, done.stdout + done.stderr

    def __enter__(self) -> "Compose":
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        self.compose("up", "--detach", "--no-deps", *(each for each in SERVICES if each not in DEPENDENT))
        self.healthy("redis-cache", "redis-jobs")
        self.compose("up", "--detach", "--no-deps", *DEPENDENT)
        until(self.ready, "the API is ready")
        self.healthy(*SERVICES)

    def __exit__(self, *_: object) -> None:
        self.compose("down", "--volumes")
        self.folder.cleanup()
        for client in (self.api, self.prometheus):
            client.close()

    def container(self, service: str) -> str:
        return f"trm-check_{service}_1"

    def healthy(self, *services: str) -> None:
        for service in services:
            check = partial(run, "podman", "healthcheck", "run", self.container(service))
            until(lambda asked=check: asked().returncode == 0, f"{service} is healthy")

    def ready(self) -> bool:
        return answers(self.api)

    def process(self, service: str) -> tuple[int, dict[str, str]]:
        """Its first process, and what the kernel says of it."""
        pid = int(inspected(self.container(service))["State"]["Pid"])
        return pid, dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)

    def measured(self, expression: str) -> float:
        result = self.prometheus.get("/api/v1/query", params={"query": expression}).json()["data"]["result"]
        return float(result[0]["value"][1]) if result else 0


def hardened(stack: Compose) -> None:
    """No container is root, can write its root, has capabilities or can gain any."""
    for service in SERVICES:
        _, status = stack.process(service)
        uid, capabilities = status["Uid"].split()[0], int(status["CapEff"], 16)
        assert uid != "0", service
        assert (capabilities, status["NoNewPrivs"]) == (0, "1"), service
        limits = inspected(stack.container(service))["HostConfig"]
        assert limits["ReadonlyRootfs"], service
        assert limits["Memory"] > 0, service
        print(f"{service}: uid {uid}, root read-only, no capabilities, memory limit {limits['Memory'] >> 20} MiB")


def used(stack: Compose) -> None:
    """A puzzle, the same again, and a job, part of it in the container that only works on jobs."""
    answer = stack.api.post("/v1/solve", json=body(NEWSPAPER)).json()
    assert (answer["solution"], answer["verified"]) == (ANSWER, True)
    assert stack.api.post("/v1/solve", json=body(NEWSPAPER)).json()["cache"] == "hit"
    print(f"solved through the stack: {answer['solution'][:18]}…, verified, {answer['steps']} steps; the same again: cache hit")
    puzzles = [{"type": "sudoku", "grid": grid} for grid in distinct(500, seed=5)]
    job = stack.api.post("/v1/jobs", json={"puzzles": puzzles}).json()["id"]
    until(lambda: stack.api.get(f"/v1/jobs/{job}").json()["status"] == "completed", "the job is done")
    counts = stack.api.get(f"/v1/jobs/{job}").json()["counts"]
    assert counts["solved"] == 500, counts
    shares = 'sum by (job) (trm_jobs_puzzles_total{{job="{}"}})'
    until(lambda: sum(stack.measured(shares.format(each)) for each in ("trm-api", "trm-worker")) == 500, "Prometheus has seen all of the job")
    print(f"a job of 500: {counts['solved']} solved, of which {stack.measured(shares.format('trm-worker')):.0f} by the worker container")
    replaced(stack, "redis-jobs", lambda: stack.api.get(f"/v1/jobs/{job}").status_code == 200)
    assert stack.api.get(f"/v1/jobs/{job}").json()["counts"] == counts
    print("the job is still there")


def replaced(stack: Compose, service: str, back: Callable[[], object]) -> None:
    """Kill a container's first process, as a crash would; it comes back by itself."""
    pid, _ = stack.process(service)
    os.kill(pid, signal.SIGKILL)
    started = time.monotonic()
    until(lambda: inspected(stack.container(service))["State"]["Pid"] not in (0, pid), f"{service} was started again")
    until(back, f"{service} works again")
    stack.healthy(service)
    print(f"{service} killed: replaced and working after {time.monotonic() - started:.1f} s")


def main() -> None:
    """Build, run, look, take down."""
    build()
    size, base = (int(inspected(image)["Size"]) / 1e6 for image in (CPU, BASE))
    print(f"image: {size:.0f} MB, of which the base image is {base:.0f} MB")
    starts = [start() for _ in range(3)]
    each = ", ".join(f"{ready:.1f} s ({started:.1f} of it podman)" for started, ready in starts)
    print(f"the image alone, from `podman run` to ready: {each}")
    with Compose() as stack:
        hardened(stack)
        until(lambda: stack.measured("sum(up)") == 2, "Prometheus has found the API and the worker by name")
        used(stack)
        replaced(stack, "api", stack.ready)
        assert stack.api.post("/v1/solve", json=body(NEWSPAPER)).json()["cache"] == "hit"
        print("its answers are still there: cache hit, from Redis")
        podman("stop", "--time", "30", stack.container("api"))
        code = inspected(stack.container("api"))["State"]["ExitCode"]
        assert code == 0
        print("stopped by SIGTERM alone: exit status 0")
        print(
            json.dumps({"image_mb": round(size), "base_mb": round(base), "ready_seconds": round(median(ready for _, ready in starts), 1), "services": SERVICES})
        )


if __name__ == "__main__":
    main()
