"""Deep supervision with learned halting (ACT): a batch of slots, each on its own puzzle at its own step.

Every update runs one step of all slots and learns from it; a slot whose puzzle halted takes the next one. Knows tensors and
where puzzles come from; knows no optimiser, schedule or files.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from app.model.trm import TRM, Carry, Output
from app.puzzles.base import Rules
from app.training.data import Source

MEAN_CONTRADICTION = 4


@dataclass(slots=True)
class Slots:
    """The training batch: carry, questions and answers (slots, cells), steps taken (slots,), and whether each has halted.

    `puzzle_ids` (slots,) are rows of the puzzle embedding, of a model that has many.

    Tensors are where the model is; chance comes from a generator on the CPU, so that a run draws the same on every device.
    """

    carry: Carry
    questions: Tensor
    answers: Tensor
    steps: Tensor
    halted: Tensor
    puzzle_ids: Tensor | None = None

    @classmethod
    def start(cls, model: TRM, count: int, source: Source) -> "Slots":
        """`count` slots with their first puzzles, which are cut short by turns so that every batch mixes all depths."""
        device = model.H_init.device
        cells = torch.zeros(count, model.config.seq_len, dtype=torch.long, device=device)
        steps = torch.arange(count, device=device) % model.config.halt_max_steps
        carry = Carry(*(z.clone() for z in model.fresh(count)))
        puzzle_ids = torch.zeros_like(steps) if model.config.named else None
        slots = cls(carry, cells, cells.clone(), steps, torch.ones_like(steps, dtype=torch.bool), puzzle_ids)
        slots.refill(model, source)
        slots.steps = steps
        slots.halted = torch.zeros_like(slots.halted)
        return slots

    def to(self, device: torch.device) -> "Slots":
        """The same slots on another device."""
        carry = Carry(*(z.to(device) for z in self.carry))
        questions, answers, steps, halted = (each.to(device) for each in (self.questions, self.answers, self.steps, self.halted))
        return Slots(carry, questions, answers, steps, halted, None if self.puzzle_ids is None else self.puzzle_ids.to(device))

    def refill(self, model: TRM, source: Source) -> int:
        """Give every halted slot a fresh carry and the next puzzle; returns how many."""
        index = torch.nonzero(self.halted)[:, 0]
        if len(index) == 0:
            return 0
        drawn = [source.draw() for _ in range(len(index))]
        cells = torch.from_numpy(np.array([(each.question, each.answer) for each in drawn])).to(index.device, torch.long)
        self.questions[index], self.answers[index] = cells[:, 0], cells[:, 1]
        if self.puzzle_ids is not None:
            self.puzzle_ids[index] = torch.tensor([each.puzzle_id for each in drawn], device=index.device)
        fresh = model.fresh(len(index))
        self.carry.z_H[index], self.carry.z_L[index] = fresh.z_H, fresh.z_L
        self.steps = self.steps.index_fill(0, index, 0)
        return len(index)

    def contradictory(self, rules: Rules) -> Tensor:
        """Slots, (slots,), in which a wrong guess stands, so that the question has no answer any more. Never where no rule tells right from wrong."""
        if not rules.verifiable:
            return torch.zeros_like(self.halted)
        return ((self.questions != rules.blank) & (self.questions != self.answers)).any(-1)

    def advance(self, model: TRM, rules: Rules, carry: Carry, q_halt: Tensor, generator: torch.Generator) -> None:
        """Take over the step's carry and decide who halts; exploration forces a few to go on for a random while.

        Where a wrong guess stands there is only the contradiction to see: such a slot ends after `MEAN_CONTRADICTION` steps on average.
        """
        config = model.config
        self.carry = carry
        self.steps = self.steps + 1
        explore, hopeless = (torch.rand((2, len(q_halt)), generator=generator).to(q_halt.device)).unbind()
        at_least = torch.randint(2, config.halt_max_steps + 1, (len(q_halt),), generator=generator).to(q_halt.device)
        halt = (q_halt > 0) & ~((explore < config.halt_exploration_prob) & (self.steps < at_least))
        self.halted = halt | (self.steps >= config.halt_max_steps) | (self.contradictory(rules) & (hopeless < 1 / MEAN_CONTRADICTION))


def losses(
    output: Output, answers: Tensor, contradictory: Tensor, q_weight: float, label_smoothing: float = 0.0, imitated: Tensor | None = None, distill: float = 0.0
) -> tuple[Tensor, Tensor]:
    """(loss, solved): cross-entropy over the cells of puzzles that still have an answer, plus `q_weight` times how wrong the heads were.

    Of the cells' part a share `distill` is `imitated` (slots,), how far the answers are from a teacher's. The heads learn from what happened only:
    a teacher's would speak of the teacher's answer.
    One says whether the answer is right; the other (the reference's Q-continue, unused there) whether the question contradicts itself.
    """
    solved = (output.logits.argmax(-1) == answers).all(-1)
    each = F.cross_entropy(output.logits.float().transpose(1, 2), answers, reduction="none", label_smoothing=label_smoothing).mean(1)
    if imitated is not None:
        each = torch.lerp(each, imitated, distill)
    cells = (each * ~contradictory).sum() / (~contradictory).sum().clamp(min=1)
    halting = F.binary_cross_entropy_with_logits(output.q_halt, solved.float())
    contradiction = F.binary_cross_entropy_with_logits(output.q_continue, contradictory.float())
    return cells + q_weight * (halting + contradiction), solved
