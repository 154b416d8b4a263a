"""`trm` in a terminal: what it prints, where, and its exit status."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.puzzles import ANSWER, NEWSPAPER, SUDOKUS, easy, side_of
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


def digits(printed: str) -> str:
    """The digits of the grid that was printed: all lines but the last."""
    plain = re.sub(r"\033\[\d+m", "", printed)
    return re.sub(r"\D", "", "".join(plain.splitlines(keepends=True)[:-1]))


def test_solve_prints_the_solution() -> None:
    ran = trm("solve", NEWSPAPER)
    assert ran.returncode == 0
    assert digits(ran.stdout) == ANSWER
    assert ran.stdout.splitlines()[-1].startswith("verified")
    assert ran.stderr == ""


@pytest.mark.parametrize("model", SUDOKUS)
def test_solve_runs_every_model_of_the_store(model: str) -> None:
    question, solution = easy(side_of(model))[0]
    ran = trm("solve", question, "--model", model)
    assert ran.returncode == 0
    assert digits(ran.stdout) == solution


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["." * 80], ("80",)),
        (["x" + NEWSPAPER[1:]], ("r1c1", "'x'")),
        (["55" + "." * 79], ("row 1", "r1c1", "r1c2")),
        ([""], ("81",)),
        ([NEWSPAPER, "--model", "nobody"], ("nobody", "sudoku")),
        ([NEWSPAPER, "--store", "/nowhere"], ("/nowhere",)),
    ],
)
def test_solve_says_in_one_sentence_what_is_wrong(arguments: list[str], words: tuple[str, ...]) -> None:
    failed(trm("solve", *arguments), *words)


def test_import_says_in_one_sentence_what_is_wrong() -> None:
    failed(trm("import", "/nowhere", "--name", "mine"), "/nowhere", "does not exist")


def test_a_puzzle_that_is_not_solved_is_a_failure() -> None:
    ran = trm("solve", "12345678........9" + "." * 64)
    assert ran.returncode == 1
    assert "NOT solved" in ran.stdout


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
    ],
)
def test_train_names_what_is_wrong(tmp_path: Path, arguments: list[str], words: tuple[str, ...]) -> None:
    failed(trm("train", str(tmp_path / "run"), *arguments), *words)


@pytest.mark.parametrize("arguments", [[], ["sing"], ["serve", "--prot", "80"], ["solve"]])
def test_a_wrong_command_line_is_explained(arguments: list[str]) -> None:
    ran = trm(*arguments)
    assert ran.returncode == 2
    assert "usage: trm" in ran.stderr


@pytest.mark.parametrize("command", [[], ["serve"], ["solve"], ["train"], ["evaluate"], ["export"], ["import"]])
def test_help_is_there(command: list[str]) -> None:
    ran = trm(*command, "--help")
    assert ran.returncode == 0
    assert ran.stdout.startswith("usage: trm")
