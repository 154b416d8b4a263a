"""Every command has examples, and each is a command line that would run."""

import shlex

import pytest

from app.cli import parser
from app.examples import EXAMPLES

LINES = [line.split("   ")[0].strip() for text in EXAMPLES.values() for line in text.splitlines() if "trm " in line and line.startswith("  ")]


def test_every_command_has_examples() -> None:
    (commands,) = (action for action in parser()._actions if action.choices)
    assert list(commands.choices) == list(EXAMPLES)


@pytest.mark.parametrize("line", LINES)
def test_an_example_is_understood(line) -> None:
    words = shlex.split(line.partition("<")[0])
    while "=" in words[0]:  # a setting in the environment
        words.pop(0)
    assert words[0] == "trm"
    assert callable(parser().parse_args(words[1:]).run)
