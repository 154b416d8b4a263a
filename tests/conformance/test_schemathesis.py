"""Hundreds of requests made from the OpenAPI document, good and bad: no server error, and every response as documented; with API keys and without."""

import subprocess
import sys
from pathlib import Path

from app.access.keys import new
from tests.e2e.puzzles import ANSWER, NEWSPAPER
from tests.e2e.serving import Server

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


def generated(server: Server, folder: Path, *options: str) -> None:
    """Send the requests and assert that every check holds."""
    command = [SCHEMATHESIS, "--config-file", CONFIGURATION, "run", f"{server.url}/openapi.json"]
    command += ["--max-examples", "60", "--seed", "1", "--generation-database", "none", "--no-color", *options]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert "generated" in ran.stdout
    assert server.metric("trm_http_requests_total") > 100


def test_generated_requests_get_documented_answers(server: Server, tmp_path: Path) -> None:
    generated(server, tmp_path)
    assert server.answer(NEWSPAPER)["solution"] == ANSWER


def test_so_do_those_with_a_key_and_none_without_is_answered(tmp_path: Path) -> None:
    key, entry = new("schemathesis")
    with Server(api_keys=entry) as server:
        generated(server, tmp_path, "--header", f"Authorization: Bearer {key}")
        server.client.headers["x-api-key"] = key
        assert server.answer(NEWSPAPER)["solution"] == ANSWER
        assert server.metric("trm_requests_rejected_total", reason="unauthorized") > 0, "the check that takes the key away"
        assert server.metric("trm_requests_rejected_total", reason="forbidden") > 0, "and the one that sends a wrong one"
