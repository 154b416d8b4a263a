"""A Sudoku model measured on hard puzzles from the command line."""

import json

import pytest

from app.cli import main

Said = pytest.CaptureFixture[str]


def test_generated_puzzles_can_be_hard_ones(capsys: Said) -> None:
    assert main(["evaluate", "sudoku-6x6", "--generate", "6", "--count", "4", "--hard", "2"]) == 0
    (report,) = json.loads(capsys.readouterr().out.splitlines()[-1])["reports"]
    assert (report["data"], report["puzzles"]) == ("generated 6x6, minimal, 2 guesses or more", 4)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sudoku-4x4", "--hard", "99", "--generate", "1"], ("4x4", "99 guesses")),
        (["sudoku-4x4", "--hard", "-1"], ("--hard",)),
        (["sudoku-4x4", "--hard", "1", "--data", "nowhere.csv"], ("--hard", "--data")),
        (["maze", "--hard", "1"], ("--sizes", "--hard")),
    ],
)
def test_what_makes_no_sense_is_refused(capsys: Said, arguments: list[str], words: tuple[str, ...]) -> None:
    assert main(["evaluate", *arguments]) == 1
    said = capsys.readouterr().err
    assert said.startswith("trm: ")
    assert all(word in said for word in words), said
