"""The arguments of `trm train`, `trm evaluate` and `trm export`. Runs nothing and needs no torch."""

import argparse
from pathlib import Path

from app.arguments import count, guesses, natural, numbers, setting


def train(command: argparse.ArgumentParser, store: Path) -> None:
    """What `trm train` takes; `store` is the usual model store."""
    command.add_argument("run_folder", type=Path, help="folder of the run; a run that is there already is resumed")
    command.add_argument("--recipe", default="sudoku", help="named recipe: sudoku, sudoku-6x6, sudoku-4x4, maze, arc, trm-sudoku or trm-sudoku-small")
    command.add_argument(
        "--set", action="append", type=setting, default=[], metavar="FIELD=VALUE", help="change a field, such as updates=500 or arch.hidden_size=48"
    )
    command.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="CSV[:WEIGHT]",
        help="puzzles to train on, all but the held-out ones, generated without it; of ARC files or folders of JSON tasks",
    )
    command.add_argument("--generate", type=count, default=5000, metavar="N", help="puzzles to generate when there is no --data")
    command.add_argument("--init", metavar="MODEL", help="begin with the weights of a model of the store")
    command.add_argument("--teacher", metavar="MODEL", help="learn from a model of the store that reads the same grid, too")
    command.add_argument("--store", type=Path, default=store)
    command.add_argument("--device", default="cpu", help="cpu or cuda")
    command.add_argument("--bf16", action="store_true", help="matrix products in bfloat16, as on CUDA: for CPUs with AVX-512 BF16 or AMX; on others it is slow")
    command.add_argument("--threads", type=count, help="threads on a CPU; one is best on a busy machine")
    command.add_argument("--workers", type=natural, default=0, metavar="N", help="processes that draw puzzles ahead: a GPU takes them faster")
    command.add_argument("--save-every", type=count, default=50, metavar="N", help="updates from one kept state, and line of the curve, to the next")
    command.add_argument("--no-compile", action="store_true", help="plain torch: slower, but starts at once")


def evaluate(command: argparse.ArgumentParser, store: Path) -> None:
    """What `trm evaluate` takes."""
    command.add_argument("name", help="model of the store")
    command.add_argument("--store", type=Path, default=store)
    command.add_argument("--data", type=Path, action="append", default=[], help="CSV of puzzles, generated without it; of ARC files or folders of JSON tasks")
    command.add_argument("--part", choices=("held-out", "all"), default="held-out", help="held-out: the puzzles that training skips")
    command.add_argument("--generate", type=count, default=500, metavar="N", help="puzzles to generate when there is no --data")
    command.add_argument(
        "--hard", type=int, metavar="N", help="generate minimal puzzles on which a search that takes naked and hidden singles guesses N times or more"
    )
    command.add_argument("--sizes", type=numbers, default=(), metavar="N,N", help="of a maze model: measure generated mazes of N x N (the model's size)")
    command.add_argument("--rooms", action="store_true", help="of a maze model: measure mazes with open rooms, where many paths are equally short")
    command.add_argument("--clues", type=numbers, default=(), metavar="N,N", help="also measure easier puzzles, with cells revealed until N are shown")
    command.add_argument("--count", type=count, default=500, help="most puzzles of each list")
    command.add_argument("--max-steps", type=count, help="steps of an attempt (the model's default)")
    command.add_argument("--attempts", type=count, help="attempts (the model's default)")
    command.add_argument("--halt", choices=("verified", "learned", "never"), help="when an attempt ends (the model's default)")
    command.add_argument("--guesses", type=guesses, metavar="CELLS,AMONG,STEPS,DOUBT", help="how later attempts guess, or none (the model's own)")
    command.add_argument("--alone", action="store_true", help="one puzzle at a time: also tell the median milliseconds of a puzzle that is alone (not ARC)")
    command.add_argument("--backend", choices=("auto", "onnx", "torch"), default="auto", help="what runs a step, as TRM_BACKEND of the server")
    command.add_argument("--device", default="cpu", help="of the torch backend: cpu or cuda")
    command.add_argument("--slots", type=count, default=64)
    command.add_argument("--threads", type=count, default=1)
    command.add_argument("--seed", type=int, default=0, help="of the choice of puzzles and revealed cells")
    command.add_argument("--output", type=Path, metavar="FILE", help="write the JSON there, too, for instance into the run's folder")
    command.add_argument("--record", action="store_true", help="write the figures into the model's config.json")


def export(command: argparse.ArgumentParser, store: Path) -> None:
    """What `trm export` takes."""
    command.add_argument("run_folder", type=Path, help="folder of the training run")
    command.add_argument("--name", required=True, help="name of the model in the store")
    command.add_argument("--store", type=Path, default=store)
    command.add_argument("--description", default="", help="one sentence for the list of models")
    command.add_argument("--size", type=count, metavar="N", help="of mazes: largest that the model reads (the size it was trained on); its weights fit any")
    command.add_argument("--max-steps", type=count, help="default steps of an attempt (the most it took in training)")
    command.add_argument("--attempts", type=count, default=16, help="default attempts")
    command.add_argument("--guesses", type=guesses, metavar="CELLS,AMONG,STEPS,DOUBT", help="of Sudokus: how later attempts guess, or none (3,12,6,0.3)")
    command.add_argument("--compact", action="store_true", help="of a large model: weights in bfloat16, no ONNX step, served only where TRM_MODELS names it")
