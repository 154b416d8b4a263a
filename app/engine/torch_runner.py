"""The TRM step in torch, on a CPU or a CUDA device from the same code. Knows slots and tensors; no requests or rules.

On CUDA the step runs in bfloat16 autocast; nothing here has been measured on a GPU yet.
"""

import copy
from contextlib import AbstractContextManager, nullcontext
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from app.model.trm import TRM, Carry
from app.puzzles.base import Tokens


class TorchRunner:
    """Slots as preallocated tensors on one device."""

    def __init__(self, model: TRM, slots: int, device: str = "cpu") -> None:
        self.device, self.slots = device, slots
        self.model = model.to(device).eval().requires_grad_(False)
        self._allocate()

    def on(self, height: int, width: int) -> Self:
        """Other slots, for puzzles of another size, around the same weights. Only for weights that fit every size."""
        other = copy.copy(self)
        other.model = self.model.on(height, width)
        other._allocate()
        return other

    def _allocate(self) -> None:
        slots, device, self.cells = self.slots, self.device, self.model.config.seq_len
        self.tokens = torch.zeros(slots, self.cells, dtype=torch.long, device=device)
        self.puzzle_ids = torch.zeros(slots, dtype=torch.long, device=device)
        self.carry = Carry(*(z.clone() for z in self.model.fresh(slots)))

    def load(self, slot: int, tokens: Tokens, puzzle_id: int = 0) -> None:
        """Put a puzzle (cells,) into a slot, with a fresh carry and that row of the puzzle embedding, where the model has many."""
        self.puzzle_ids[slot] = puzzle_id
        self.tokens[slot] = torch.tensor(tokens, dtype=torch.long)
        self.carry.z_H[slot], self.carry.z_L[slot] = self.model.H_init, self.model.L_init

    def move(self, source: int, target: int) -> None:
        """Copy the state of one slot over another."""
        for state in (self.tokens, self.puzzle_ids, *self.carry):
            state[target] = state[source]

    def _precision(self) -> AbstractContextManager[object]:
        return torch.autocast("cuda", torch.bfloat16) if self.device.startswith("cuda") else nullcontext()

    @torch.inference_mode()
    def step(self, size: int, first: int = 0) -> tuple[Tokens, NDArray[np.float32]]:
        """One step of slots first..first+size-1: answers (size, cells) and the logits (size, 2) of halting and of a contradiction in the input."""
        rows = slice(first, first + size)
        with self._precision():
            carry, output = self.model(Carry(self.carry.z_H[rows], self.carry.z_L[rows]), self.tokens[rows], self.puzzle_ids[rows])
        self.carry.z_H[rows], self.carry.z_L[rows] = carry
        q = torch.stack((output.q_halt, output.q_continue), dim=-1)
        return output.logits.argmax(-1).to(torch.uint8).cpu().numpy(), q.cpu().numpy()
