"""`trm` in a terminal: what it prints, where, and its exit status."""

import subprocess
from pathlib import Path

import pytest

from app.examples import EXAMPLES
from tests.e2e.terminal import trm


def failed(ran: subprocess.CompletedProcess[str], *words: str) -> None:
    """Assert that a command ended in one sentence on stderr."""
    assert ran.returncode not in (0, None)
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""
    assert ran.stderr.startswith("trm: ")
    assert ran.stderr.count("\n") == 1, ran.stderr
    for word in words:
        assert word in ran.stderr


def test_import_says_in_one_sentence_what_is_wrong() -> None:
    failed(trm("import", "/nowhere", "--name", "mine"), "/nowhere", "does not exist")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"port": "eighty"}, ("port",)),
        ({"port": 70_000}, ("port",)),
        ({"workers": 0}, ("workers",)),
        ({"backend": "tensorflow"}, ("backend",)),
        ({"device": "tpu"}, ("device",)),
        ({"stall_seconds": -1}, ("stall_seconds",)),
        ({"models": '["nobody"]'}, ("nobody",)),
        ({"models": "sudoku"}, ("models",)),
    ],
)
def test_serve_names_the_setting_that_is_wrong(settings: dict[str, object], words: tuple[str, ...]) -> None:
    failed(trm("serve", **settings), *words)


def test_a_flag_goes_before_the_environment() -> None:
    failed(trm("serve", "--workers", "0", workers=1), "workers")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--recipe", "cake"], ("cake", "trm-sudoku")),
        (["--set", "speed=9"], ("speed",)),
        (["--set", "updates=0"], ("updates",)),
        (["--set", "arch.hidden_size=48", "--set", "arch.num_heads=3", "--generate", "1", "--init", "sudoku"], ("sudoku", "architecture")),
        (["--init", "nobody", "--generate", "1"], ("nobody",)),
        (["--data", "nowhere.csv"], ("nowhere.csv",)),
        (["--data", "nowhere.csv:heavy"], ("nowhere.csv:heavy", "weight")),
        (["--data", "nowhere.csv:0"], ("nowhere.csv:0", "weight")),
    ],
)
def test_train_names_what_is_wrong(tmp_path: Path, arguments: list[str], words: tuple[str, ...]) -> None:
    failed(trm("train", str(tmp_path / "run"), *arguments), *words)


@pytest.mark.parametrize("arguments", [[], ["sing"], ["serve", "--prot", "80"], ["solve", "--format", "cake"], ["solve", "--store", "a", "--server", "b"]])
def test_a_wrong_command_line_is_explained(arguments: list[str]) -> None:
    ran = trm(*arguments)
    assert ran.returncode == 2
    assert "usage: trm" in ran.stderr


def test_help_is_there() -> None:
    ran = trm("--help")
    assert ran.returncode == 0
    assert ran.stdout.startswith("usage: trm")


@pytest.mark.parametrize("command", EXAMPLES)
def test_help_of_a_command_ends_with_examples(command: str) -> None:
    ran = trm(command, "--help")
    assert ran.returncode == 0
    assert ran.stdout.startswith(f"usage: trm {command}")
    assert ran.stdout.rstrip().endswith(EXAMPLES[command].rstrip())
