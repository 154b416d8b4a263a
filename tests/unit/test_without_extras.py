"""Commands that need torch, or the client, say so where it is not installed."""

import subprocess
import sys

import pytest

from app.cli import main


@pytest.mark.parametrize("arguments", [["import", "run", "--name", "mine"], ["train", "run"]])
def test_a_command_that_needs_torch_names_the_extra(arguments, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"trm: {arguments[0]} needs the torch extra")
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_command_that_needs_the_client_names_that_extra() -> None:
    code = "import sys; sys.modules['httpx'] = None; from app.cli import main; sys.exit(main(['solve', '1' + '.' * 15, '--server', 'http://localhost']))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("trm: solve needs the client extra")
    assert ran.stderr.count("\n") == 1
