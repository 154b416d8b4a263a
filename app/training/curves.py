"""The curves of a run as a picture: `curve.csv` to `curve.png`. Knows the file; no tensors, no training."""

import csv
from pathlib import Path

from matplotlib.figure import Figure

PANELS = (("loss", "loss"), ("solved", "share solved when it halts"), ("halting_steps", "steps to halting"), ("puzzles_per_s", "puzzles/s"))


def draw(folder: Path) -> Path:
    """Draw the curves of the run in `folder`; returns the picture's path."""
    with (folder / "curve.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    updates = [int(row["update"]) for row in rows]
    figure = Figure(figsize=(10, 6), layout="constrained")
    for axes, (column, title) in zip(figure.subplots(2, 2).flat, PANELS, strict=True):
        axes.plot(updates, [float(row[column]) for row in rows], linewidth=1)
        axes.set(title=title, xlabel="update", ylim=(0, None))
        axes.grid(alpha=0.3)
    figure.savefig(folder / "curve.png", dpi=100)
    return folder / "curve.png"
