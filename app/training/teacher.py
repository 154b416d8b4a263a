"""A trained model that a student learns from: frozen, in the same slots, on the same questions, with a carry of its own.

Knows tensors; knows no optimiser, schedule or files.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from app.model.trm import TRM, Carry, Output


class Teacher:
    """One model of the store beside the student. Its halting head is not asked: when a slot halts is the student's to say."""

    def __init__(self, model: TRM, name: str, slots: int) -> None:
        """`name` is what the recipe and the run's state call it: the model's name and version."""
        self.model, self.name = model.eval().requires_grad_(False), name
        self.carry = Carry(*(z.clone() for z in model.fresh(slots)))

    def to(self, device: torch.device) -> None:
        """Move to a device."""
        self.model.to(device)
        self.carry = Carry(*(z.to(device) for z in self.carry))

    def refill(self, halted: Tensor) -> None:
        """A fresh carry in every slot, (slots,), that took its next puzzle."""
        fresh = self.model.fresh(len(halted))
        self.carry = Carry(*(torch.where(halted[:, None, None], new, old) for new, old in zip(fresh, self.carry, strict=True)))

    @torch.no_grad()
    def step(self, questions: Tensor, puzzle_ids: Tensor | None = None) -> Tensor:
        """One step of all slots; what it answers, logits (slots, cells, vocab). Rows of the puzzle embedding mean the same to it as to the student."""
        output: Output
        self.carry, output = self.model(self.carry, questions, puzzle_ids)
        return output.logits


def imitation(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """KL divergence (slots,) of the student's from the teacher's answers, logits (slots, cells, vocab), both softened; mean over the cells.

    Times the square of the temperature, so that its gradient stays as large as the labels' (arXiv 1503.02531).
    """
    ours, theirs = (torch.log_softmax(logits.float() / temperature, -1) for logits in (student, teacher))
    return F.kl_div(ours, theirs, reduction="none", log_target=True).sum(-1).mean(1) * temperature**2
