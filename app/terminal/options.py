"""The arguments of `trm solve` and `trm doctor`. Runs nothing."""

import argparse
from pathlib import Path


def solve(command: argparse.ArgumentParser, store: Path) -> None:
    """What `trm solve` takes; `store` is the usual model store."""
    command.add_argument("puzzle", nargs="*", help="a Sudoku, one character a cell, '.' or '0' for empty; or any puzzle as a file has it")
    command.add_argument("-f", "--file", action="append", help="read puzzles from a file, or from the input if it is -, as without any puzzle; may be repeated")
    command.add_argument("--puzzle-id", metavar="ID", help="the puzzles are grids of this ARC task")
    command.add_argument("--watch", action="store_true", help="show what the model thinks after every step")
    command.add_argument(
        "--format",
        choices=("board", "line", "json"),
        help="board: a drawing (on a terminal); line: the solution in one line, empty if there is none (elsewhere); json: as the API answers",
    )
    command.add_argument("--model", help="model to use (the first that reads this size)")
    command.add_argument("--halt", choices=("verified", "learned", "never"), help="when an attempt ends (the model's default)")
    command.add_argument("--max-steps", type=int, metavar="N", help="most steps of each attempt (the model's default)")
    command.add_argument("--attempts", type=int, metavar="N", help="most attempts (the model's default)")
    command.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="deadline of each puzzle (%(default)s)")
    where = command.add_mutually_exclusive_group()
    where.add_argument("--store", type=Path, default=store, help="the model store")
    where.add_argument("--server", metavar="URL", help="let a running service solve them; its API key is read from TRM_API_KEY")
