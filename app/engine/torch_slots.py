"""The slots of a torch runner: tensors on its device, allocated once. Knows no step, no rules and no requests."""

import numpy as np
import torch
from torch import Tensor

from app.model.trm import TRM, Carry
from app.puzzles.base import Tokens


class Slots:
    """tokens, questions (slots, cells) uint8, puzzle_ids (slots,) and the carry, (slots, positions, hidden) each.

    What is loaded waits on the host and is written at the next `flush`, all slots in one go: a launch a slot would cost a large batch more than its step.
    """

    def __init__(self, model: TRM, count: int, device: str, dtype: torch.dtype) -> None:
        self.device, cells = device, model.config.seq_len
        self.tokens, self.questions = (torch.zeros(count, cells, dtype=torch.uint8, device=device) for _ in range(2))
        self.puzzle_ids = torch.zeros(count, dtype=torch.long, device=device)
        self.carry = Carry(*(z.to(device, dtype).clone(memory_format=torch.contiguous_format) for z in model.fresh(count)))
        self.inits = model.H_init.to(device, dtype), model.L_init.to(device, dtype)
        self.arrived = np.zeros((count, 2, cells), dtype=np.uint8)
        self.places = np.zeros((count, 2), dtype=np.int64)
        self.loaded: dict[int, None] = {}

    def load(self, slot: int, tokens: Tokens, puzzle_id: int, question: Tokens) -> None:
        """Note a puzzle, (cells,), for a slot."""
        if slot in self.loaded:
            self.flush()
        row = len(self.loaded)
        self.loaded[slot] = None
        self.arrived[row, 0], self.arrived[row, 1], self.places[row] = tokens, question, (slot, puzzle_id)

    def flush(self) -> None:
        """Write the noted puzzles into their slots, with a fresh carry each. The copies block: the device has nothing to do until they are there."""
        if not self.loaded:
            return
        count = len(self.loaded)
        arrived, places = (torch.from_numpy(each[:count]).to(self.device) for each in (self.arrived, self.places))
        slots = places[:, 0]
        self.tokens[slots], self.questions[slots], self.puzzle_ids[slots] = arrived[:, 0], arrived[:, 1], places[:, 1]
        self.carry.z_H[slots], self.carry.z_L[slots] = self.inits
        self.loaded.clear()

    def swap(self, one: int, other: int) -> None:
        """Let two slots exchange what they hold."""
        self.flush()
        for state in (self.tokens, self.questions, self.puzzle_ids, *self.carry):
            state[[one, other]] = state[[other, one]]

    def commit(self, rows: slice, z_H: Tensor, z_L: Tensor) -> None:
        """Make these the states of some slots."""
        self.carry.z_H[rows], self.carry.z_L[rows] = z_H, z_L
