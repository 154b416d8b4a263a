"""The rules of Sudoku and mazes as torch operations on a batch, so that answers can be judged on the device that gave them. Knows tensors and rules; no slots.

`app/puzzles` says what the rules are; here is the same count of broken ones, and nothing else. Every check is a fixed sequence of operations, whatever the
answers are, and so can be part of a captured CUDA graph.
"""

from typing import Protocol, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from app.puzzles import sudoku
from app.puzzles.maze import FREE, GOAL, PATH, START


class Check(Protocol):
    """The rules of one family at one size."""

    def __call__(self, questions: Tensor, answers: Tensor) -> Tensor:
        """How many rules each answer breaks, (batch,) integers, of tokens (batch, cells) uint8."""

    def on(self, height: int, width: int) -> Self:
        """The rules of the same family for another size."""


class SudokuCheck:
    """See `app.puzzles.sudoku.SudokuRules.violations`."""

    def __init__(self, height: int, width: int, device: str) -> None:
        rules = sudoku.Sudoku().rules(height, width)
        self.device, self.complete = device, rules.complete
        self.bits, self.units = (torch.tensor(each.tolist(), device=device) for each in (rules.bits, rules.units))

    def on(self, height: int, width: int) -> Self:
        """The rules of another size."""
        return type(self)(height, width, self.device)

    def __call__(self, questions: Tensor, answers: Tensor) -> Tensor:
        """Units without all digits plus givens overwritten, (batch,)."""
        # a sum of so many powers of two has so many bits only if no two of them are equal: then it is the same as their union
        incomplete = self.bits[answers.long()][:, self.units].sum(-1) != self.complete
        overwritten = (questions != sudoku.BLANK) & (questions != answers)
        return incomplete.sum(1) + overwritten.sum(1)


class MazeCheck:
    """See `app.puzzles.maze.MazeRules.violations`."""

    def __init__(self, height: int, width: int, device: str) -> None:
        self.device, self.nowhere = device, height * width
        framed = F.pad(torch.arange(self.nowhere).view(height, width), (1, 1, 1, 1), value=self.nowhere)
        beside = (framed[:-2, 1:-1], framed[2:, 1:-1], framed[1:-1, :-2], framed[1:-1, 2:])
        self.beside = torch.stack([each.flatten() for each in beside], dim=1).to(device)
        """The four neighbours of each cell, (cells, 4); `nowhere` beyond the border."""
        self.own = torch.arange(self.nowhere + 1, device=device)

    def on(self, height: int, width: int) -> Self:
        """The rules of another size."""
        return type(self)(height, width, self.device)

    def __call__(self, questions: Tensor, answers: Tensor) -> Tensor:
        """Cells changed that may not be, plus cells of the path with a wrong number of neighbours on it, plus those S does not reach, (batch,)."""
        marked, start, ends = answers == PATH, questions == START, (questions == START) | (questions == GOAL)
        path = marked | ends
        changed = (answers != questions) & ~(marked & (questions == FREE))
        wrong = path & (F.pad(path.long(), (0, 1))[:, self.beside].sum(-1) != torch.where(ends, 1, 2))
        component = self.components(path)
        started = torch.zeros_like(component).scatter_reduce(1, component[:, :-1], start.long(), "amax")
        lost = path & (started.gather(1, component[:, :-1]) == 0)
        return changed.sum(1) + wrong.sum(1) + lost.sum(1)

    def components(self, path: Tensor) -> Tensor:
        """The lowest cell that each cell of the path is connected to by it, (batch, cells + 1); `nowhere` for other cells and beyond.

        A component takes the lowest label beside it, all at once, and jumps along those to the lowest. One that none beside it is lower than is taken in by
        a neighbour, or its neighbours are by lower ones and then take it in. So two rounds halve the number of parts at least, however a path may wind.
        """
        label = torch.where(F.pad(path, (0, 1)), self.own, self.nowhere)
        for _ in range(2 * (self.nowhere.bit_length() - 1)):
            lowest = torch.minimum(label[:, :-1], label[:, self.beside].amin(-1)).where(path, self.nowhere)
            label = label.scatter_reduce(1, label[:, :-1], lowest, "amin")
            for _ in range(self.nowhere.bit_length()):
                label = label.gather(1, label)
        return label


class ArcCheck:
    """No answer can be judged: each counts as breaking one rule, as in `app.puzzles.arc`."""

    def on(self, height: int, width: int) -> Self:  # noqa: ARG002  # all sizes are alike
        """The same."""
        return self

    def __call__(self, questions: Tensor, answers: Tensor) -> Tensor:  # noqa: ARG002  # whatever they are
        """1 of every answer, (batch,)."""
        return torch.ones(len(answers), dtype=torch.long, device=answers.device)


def check(family: str, height: int, width: int, device: str) -> Check:
    """The rules of a family at one size, on a device."""
    match family:
        case "sudoku":
            return SudokuCheck(height, width, device)
        case "maze":
            return MazeCheck(height, width, device)
        case _:
            return ArcCheck()
