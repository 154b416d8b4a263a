"""Hundreds of requests made from the OpenAPI document, good and bad: no server error, and every response as documented."""

import subprocess
import sys
from pathlib import Path

from tests.e2e.puzzles import ANSWER, NEWSPAPER
from tests.e2e.serving import Server

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
BEYOND_THE_DOCUMENT = "positive_data_acceptance,use_after_free"
"""A grid may fit the schema and still break the rules of its puzzle, and DELETE cancels a job, which can be read on."""


def test_generated_requests_get_documented_answers(server: Server, tmp_path: Path) -> None:
    command = [SCHEMATHESIS, "run", f"{server.url}/openapi.json", "--checks", "all", "--exclude-checks", BEYOND_THE_DOCUMENT]
    command += ["--max-examples", "60", "--seed", "1", "--generation-database", "none", "--no-color"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert "generated" in ran.stdout
    assert server.metric("trm_http_requests_total") > 100
    assert server.answer(NEWSPAPER)["solution"] == ANSWER
