"""The examples of docs/client.md do what it says, as a reader would run them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.documents import Example, examples
from tests.e2e.serving import PROJECT, TRM, Server, environment

EXAMPLES = examples(PROJECT / "docs" / "client.md", "python", "sh")


def test_there_are_examples_and_each_shows_its_output() -> None:
    assert len(EXAMPLES) >= 8
    assert all(example.output for example in EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"{place}-{example.language}" for place, example in enumerate(EXAMPLES)])
def test_an_example_prints_what_the_document_shows(server: Server, tmp_path: Path, example: Example) -> None:
    code = example.code.replace("http://localhost:8000", server.url).replace("localhost:8000", server.url.removeprefix("http://"))
    program = [sys.executable, "-W", "error"] if example.language == "python" else ["bash", "-e"]
    path = {"PATH": f"{TRM.parent}{os.pathsep}{os.environ['PATH']}"}
    ran = subprocess.run([*program, "-c", code], env=environment() | path, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert example.shows(ran.stdout), ran.stdout
