"""The whole stack on this machine: two Redis, an API server, a job worker, and a Prometheus that scrapes them with the project's own configuration.

A machine that reports no energy is helped out by an exporter of the service's own energy series over a folder like RAPL's.
"""

import contextlib
import json
import subprocess
import tempfile
import threading
import time
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx
import yaml

from app.energy import Energy
from app.metrics import Metrics
from tests.deploy.mixture import fresh, mixture
from tests.deploy.promql import MONITORING
from tests.deploy.tools import tool
from tests.e2e.serving import PATIENCE, Server, until
from tests.support.energy import zone
from tests.support.redis_servers import RedisServer, free_port

Sample = dict[str, Any]


class Worker(Server):
    """`trm worker`."""

    command = "worker"


class Stack:
    """Everything, entered when Prometheus has scraped every target. `interval` is in seconds."""

    def __init__(self, interval: int = 2) -> None:
        self.interval = interval

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            cache, jobs = opened.enter_context(RedisServer()), opened.enter_context(RedisServer(appendonly="yes"))
            shared = {"redis_url": cache.url, "jobs_redis_url": jobs.url}
            self.server = opened.enter_context(Server(**shared))
            self.worker = opened.enter_context(Worker(**shared))
            energy = opened.enter_context(EnergyExporter())
            targets = {"trm-api": [self.server.url, energy.url], "trm-worker": [self.worker.url]}
            self.prometheus = opened.enter_context(Prometheus(targets, self.interval))
            self.opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.opened.close()


class Prometheus:
    """A real one, with `monitoring/prometheus.yml`: only the addresses and intervals are this machine's."""

    def __init__(self, targets: dict[str, list[str]], interval: int) -> None:
        self.targets, self.interval = targets, interval
        self.url = f"http://127.0.0.1:{free_port()}"

    def __enter__(self) -> Self:
        self.folder = tempfile.TemporaryDirectory(prefix="prometheus")
        config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
        config["global"] = dict.fromkeys(("scrape_interval", "evaluation_interval"), f"{self.interval}s")
        config["rule_files"] = [str(MONITORING / "rules.yml")]
        for job in config["scrape_configs"]:
            del job["dns_sd_configs"]
            job["static_configs"] = [{"targets": [url.removeprefix("http://") for url in self.targets[job["job_name"]]]}]
        path = Path(self.folder.name) / "prometheus.yml"
        path.write_text(yaml.safe_dump(config))
        options = (f"--config.file={path}", f"--storage.tsdb.path={self.folder.name}/data", f"--web.listen-address={self.url.removeprefix('http://')}")
        self.process = subprocess.Popen([tool("prometheus"), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.client = httpx.Client(base_url=self.url, timeout=PATIENCE, trust_env=False)
        count = sum(map(len, self.targets.values()))
        until(lambda: len(self.query("up == 1")) == count, "Prometheus has scraped every target")
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.folder.cleanup()

    def query(self, expression: str) -> list[Sample]:
        """What an expression is now. Nothing while Prometheus does not answer."""
        return self._ask("query", query=expression)

    def history(self, expression: str, seconds: float, step: int) -> list[Sample]:
        """What it was, every `step` seconds of the last `seconds`."""
        now = time.time()
        return self._ask("query_range", query=expression, start=now - seconds, end=now, step=step)

    def rules(self) -> list[Sample]:
        return [rule for group in self.client.get("/api/v1/rules").json()["data"]["groups"] for rule in group["rules"]]

    def _ask(self, what: str, **words: object) -> list[Sample]:
        try:
            response = self.client.post(f"/api/v1/{what}", data=words)
        except httpx.ConnectError:
            return []
        if response.status_code == 503:
            return []
        assert response.status_code == 200, response.text
        return list(response.json()["data"]["result"])


class EnergyExporter:
    """`/metrics` with the service's energy series alone, of a package that spends 40 W."""

    def __enter__(self) -> Self:
        self.folder = tempfile.TemporaryDirectory(prefix="powercap")
        counter = zone(Path(self.folder.name), "intel-rapl:0", "package-0", 0)
        started = time.monotonic()
        metrics = Metrics(energy=Energy(powercap=Path(self.folder.name)).read)

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                counter.write_text(str(int((time.monotonic() - started) * 40e6)))
                lines = [line for line in metrics.render().decode().splitlines() if "trm_energy" in line]
                self.send_response(200)
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # Prometheus has given up on this scrape
                    self.wfile.write("\n".join([*lines, ""]).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()


class Traffic:
    """Mixed requests while entered, from a few clients at once: single solves, and now and then a batch, a stream and a job."""

    def __init__(self, server: Server, clients: int = 4) -> None:
        self.server = server
        self.ending = threading.Event()
        self.statuses: set[int] = set()
        self.wrong: list[BaseException] = []
        self.threads = [threading.Thread(target=self._run, args=(seed,)) for seed in range(clients)]

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        for thread in self.threads:
            thread.join(PATIENCE)
        if self.wrong:
            raise self.wrong[0]

    def _run(self, seed: int) -> None:
        try:
            with httpx.Client(base_url=self.server.url, timeout=PATIENCE, trust_env=False) as client:
                for number, body in enumerate(mixture(seed)):
                    if self.ending.wait(0.02):
                        return
                    self.statuses.add(client.post("/v1/solve", json=body).status_code)
                    if number % 40 == 10 * seed:
                        self._many(client, fresh(60, seed, number))
        except BaseException as error:
            self.wrong.append(error)

    def _many(self, client: httpx.Client, puzzles: list[Sample]) -> None:
        """A batch, a stream and a job; of the job one line is no puzzle."""
        lines = "".join(json.dumps(puzzle) + "\n" for puzzle in [*puzzles, {"type": "sudoku", "grid": "none"}])
        self.statuses |= {
            client.post("/v1/solve/batch", json={"puzzles": puzzles[:10]}).status_code,
            client.post("/v1/solve/stream", json={"puzzle": puzzles[0]}).status_code,
            client.post("/v1/jobs?on_error=continue", content=lines, headers={"content-type": "application/x-ndjson"}).status_code,
        }
