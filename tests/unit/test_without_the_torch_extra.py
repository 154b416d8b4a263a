"""Commands that need torch say so where it is not installed."""

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
