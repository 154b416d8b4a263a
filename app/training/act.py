"""Deep supervision with learned halting (ACT): a batch of slots, each on its own puzzle at its own step.

Every update runs one step of all slots and learns from it; a slot whose puzzle halted takes the next one. Knows tensors and
where puzzles come from; knows no optimiser, schedule or files.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from app.model.trm import TRM, Carry, Output
from app.training.data import Sampler


@dataclass(slots=True)
class Slots:
    """The training batch: carry, questions and answers (slots, cells), steps taken (slots,), and whether each has halted."""

    carry: Carry
    questions: Tensor
    answers: Tensor
    steps: Tensor
    halted: Tensor

    @classmethod
    def start(cls, model: TRM, count: int, sampler: Sampler) -> "Slots":
        """`count` slots with their first puzzles, which are cut short by turns so that every batch mixes all depths."""
        cells = torch.zeros(count, model.config.seq_len, dtype=torch.long)
        carry = Carry(*(z.clone() for z in model.fresh(count)))
        slots = cls(carry, cells, cells.clone(), torch.zeros(count, dtype=torch.long), torch.ones(count, dtype=torch.bool))
        slots.refill(model, sampler)
        slots.steps = torch.arange(count) % model.config.halt_max_steps
        slots.halted = torch.zeros_like(slots.halted)
        return slots

    def refill(self, model: TRM, sampler: Sampler) -> int:
        """Give every halted slot a fresh carry and the next puzzle; returns how many."""
        index = torch.nonzero(self.halted)[:, 0]
        if len(index) == 0:
            return 0
        drawn = [sampler.draw() for _ in range(len(index))]
        self.questions[index] = torch.stack([torch.from_numpy(question) for question, _ in drawn]).long()
        self.answers[index] = torch.stack([torch.from_numpy(answer) for _, answer in drawn]).long()
        fresh = model.fresh(len(index))
        self.carry.z_H[index], self.carry.z_L[index] = fresh.z_H, fresh.z_L
        self.steps[index] = 0
        return len(index)

    def advance(self, model: TRM, carry: Carry, q_halt: Tensor, generator: torch.Generator) -> None:
        """Take over the step's carry and decide who halts; exploration forces a few to go on for a random while."""
        config = model.config
        self.carry = carry
        self.steps += 1
        explore = torch.rand(len(q_halt), generator=generator) < config.halt_exploration_prob
        at_least = torch.randint(2, config.halt_max_steps + 1, (len(q_halt),), generator=generator)
        halt = (q_halt > 0) & ~(explore & (self.steps < at_least))
        self.halted = halt | (self.steps >= config.halt_max_steps)


def losses(output: Output, answers: Tensor, q_weight: float) -> tuple[Tensor, Tensor]:
    """(loss, solved): cross-entropy over all cells plus `q_weight` times how wrong the halting head was about being right."""
    solved = (output.logits.argmax(-1) == answers).all(-1)
    cells = F.cross_entropy(output.logits.float().transpose(1, 2), answers)
    halting = F.binary_cross_entropy_with_logits(output.q_halt, solved.float())
    return cells + q_weight * halting, solved
