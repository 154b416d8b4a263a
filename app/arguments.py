"""Values of command-line arguments, as several commands take them. Knows no commands."""

import argparse
import json


def setting(text: str) -> tuple[str, object]:
    """`NAME=VALUE`, the value as JSON or else as it stands. Raises `ArgumentTypeError`, or as the others here `ValueError`: argparse tells of both."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not FIELD=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def count(text: str) -> int:
    """A whole number of 1 or more."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def natural(text: str) -> int:
    """A whole number of 0 or more."""
    if (number := int(text)) < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return number


def numbers(text: str) -> tuple[int, ...]:
    """Such as `10,20`."""
    return tuple(count(number) for number in text.split(","))


def guesses(text: str) -> tuple[float, ...]:
    """Four numbers, or `none`."""
    parts = () if text == "none" else tuple(float(part) for part in text.split(","))
    if len(parts) not in (0, 4):
        raise argparse.ArgumentTypeError(f"{text!r} is neither none nor four numbers")
    return parts
