"""The examples of the README and of docs/ do what it says there, as a reader would run them. What cannot be run is named, with the reason."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli import parser
from tests.e2e.serving import PROJECT, TRM, Server, environment
from tests.support.documents import Example, blocks, examples

DOCUMENTS = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
TRAINS = "trains and measures for hours; tests/model does it on a small scale"
NOT_RUN = {
    "make serve": "installs, then serves until it is stopped, as every server does that the other examples ask",
    "redis-server --appendonly yes": "takes the usual ports; tests/e2e/test_jobs.py does the same on others",
    "make setup": TRAINS,
    ".venv/bin/trm import downloads/sudoku": "wants a checkpoint of the reference; tests/model/test_import.py makes one",
    "trm train runs/": TRAINS,
    "student=": TRAINS,
    "trm jobs submit": "ID stands for a job's, and a job goes on; tests/e2e/test_jobs.py runs these",
    "pip install '.[otel]'": "installs, and wants a collector; tests/e2e/test_tracing.py has one",
    "cp .env.example": "wants container images; tests/deploy/test_compose_stack.py has them",
}
"""Why, by the beginning of the code. Each command of ours in them is still read by the command line's own parser."""
SHOWN = {
    ("operations.md", "ACL SETUSER"): "for a Redis, not a shell; tests/e2e/test_redis_users.py makes that user",
    ("operations.md", "POST /v1/solve"): "a drawing of a trace; tests/e2e/test_tracing.py has real ones",
}
"""Blocks that are neither code nor output."""
ALL = [example for document in DOCUMENTS for example in examples(document)]


def reason(example: Example) -> str | None:
    return next((why for beginning, why in NOT_RUN.items() if example.code.startswith(beginning)), None)


CARDS = [example for card in sorted(PROJECT.glob("model_store/*/README.md")) for example in examples(card)]
"""How the models were made and measured: hours of it."""
RUN, LEFT_OUT = [each for each in ALL if not reason(each)], [*(each for each in ALL if reason(each)), *CARDS]
LINES = [line for example in LEFT_OUT for line in example.code.replace("\\\n", "").splitlines()]
COMMANDS = [line for line in LINES if "trm " in line and "$" not in line]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One that nobody else asks, so that what the documents show comes from no cache."""
    with Server() as server:
        yield server


@pytest.mark.parametrize("example", RUN, ids=lambda example: f"{example.document}: {example.code.splitlines()[0][:50]}")
def test_an_example_prints_what_the_document_shows(server: Server, tmp_path: Path, example: Example) -> None:

    code = example.code.replace("http://localhost:8000", server.url).replace("localhost:8000", server.url.removeprefix("http://"))
    program = [sys.executable, "-W", "error"] if example.language == "python" else ["bash", "-e"]
    path = {"PATH": f"{TRM.parent}{os.pathsep}{os.environ['PATH']}"}
    ran = subprocess.run([*program, "-c", code], env=environment() | path, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    assert example.output, f"it printed {ran.stdout}, which the document does not show"
    assert example.shows(ran.stdout), ran.stdout


def test_every_document_has_its_examples_looked_at() -> None:
    assert {"README.md", "client.md", "families.md", "jobs.md", "operations.md"} <= {example.document for example in RUN}
    unused = [beginning for beginning in NOT_RUN if not any(each.code.startswith(beginning) for each in ALL)]
    assert not unused


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_other_block_is_an_output_or_named(document: Path) -> None:
    outputs = [each.output for each in examples(document)]
    for language, text in blocks(document):
        named = any(of == document.name and text.startswith(beginning) for of, beginning in SHOWN)
        assert language in ("sh", "python") or text in outputs or named, text


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_that_is_not_run_is_at_least_understood(line: str) -> None:
    for command in line.removesuffix(" &").split("&&"):
        words = shlex.split(command, comments=True)
        while "=" in words[0]:  # a setting in the environment
            words.pop(0)
        if Path(words[0]).name == "trm":
            assert callable(parser().parse_args(words[1:]).run)
