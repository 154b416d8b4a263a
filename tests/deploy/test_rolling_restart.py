"""Two instances behind a real proxy: one after the other is told to stop and is replaced, under load. Not one request fails."""

import asyncio
import itertools
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.deploy.tools import needs, tool
from tests.e2e.puzzles import distinct
from tests.e2e.serving import PATIENCE, Server, body, until
from tests.support.redis_servers import free_port

pytestmark = [needs("nginx"), pytest.mark.timeout(600)]

CLIENTS = 8
CONFIGURATION = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream trm {{
    server 127.0.0.1:{a} max_fails=0;
    server 127.0.0.1:{b} max_fails=0;
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://trm;
      proxy_next_upstream {retries};
    }}
  }}
}}
"""
RETRIES = "error timeout http_503 non_idempotent"
"""Another instance is asked where one is gone, or refuses because it is shutting down: nothing was started there."""


@contextmanager
def proxy(folder: Path, a: int, b: int, retries: str) -> Iterator[str]:
    """nginx in front of two ports; its address."""
    port, path = free_port(), folder / "nginx.conf"
    path.write_text(CONFIGURATION.format(folder=folder, port=port, a=a, b=b, retries=retries))
    with subprocess.Popen([tool("nginx"), "-e", "stderr", "-c", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


async def load(url: str, ending: asyncio.Event) -> Counter[str]:
    """Solve after solve by each client, until told to end; how often each status came, or which error."""
    seen: Counter[str] = Counter()
    puzzles = itertools.cycle(distinct(300, seed=31))

    async def one(client: httpx.AsyncClient) -> None:
        while not ending.is_set():
            try:
                response = await client.post("/v1/solve", json=body(next(puzzles), cache="bypass"))
                seen[str(response.status_code)] += 1
            except httpx.HTTPError as error:
                seen[type(error).__name__] += 1

    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, trust_env=False) as client:
        await asyncio.gather(*(one(client) for _ in range(CLIENTS)))
    return seen


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def replace(old: Server, opened: ExitStack) -> None:
    """SIGTERM to an instance at work, wait for its end, and start another on its port, until that one works, too."""
    old.until("trm_requests_running", lambda value: value > 0)
    old.signal(signal.SIGTERM)
    assert old.ended() == 0
    old.client.close()
    new = opened.enter_context(Server(**old.settings))
    new.until("trm_request_solve_duration_seconds_count", lambda value: value > 5)


async def rolled(folder: Path, retries: str, drain: float) -> Counter[str]:
    """The statuses seen by clients while both instances are replaced."""
    ports = free_port(), free_port()
    with ExitStack() as opened:
        instances = [opened.enter_context(Server(port=port, drain_seconds=drain)) for port in ports]
        url = opened.enter_context(proxy(folder, *ports, retries))
        await asyncio.to_thread(until, lambda: ready(url), "the proxy answers")
        ending = asyncio.Event()
        loading = asyncio.create_task(load(url, ending))
        for instance in instances:
            await asyncio.to_thread(replace, instance, opened)
        ending.set()
        return await loading


async def test_not_one_request_fails(tmp_path: Path) -> None:
    seen = await rolled(tmp_path, RETRIES, drain=2)
    assert set(seen) == {"200"}, seen
    assert seen["200"] > 100


async def test_without_the_proxys_retries_some_would(tmp_path: Path) -> None:
    """The test above would notice: an instance that goes at once, and a proxy that does not ask another."""
    seen = await rolled(tmp_path, "off", drain=0)
    assert set(seen) > {"200"}, seen
