"""The Tiny Recursive Model (arXiv 2510.04871): two states, one small network, applied over and over.

Knows tensors; knows no puzzle rules, batching policy or files. Keys of the state dict are the reference's, without its
`_orig_mod.model.inner.` prefix. The paper's y is z_H, its z is z_L.
"""

import math
import os
from typing import NamedTuple

import torch
from torch import Tensor, nn

from app.model.config import TRMConfig
from app.model.layers import Block, Linear, looked_up, trunc_normal

# A recursion amplifies rounding (about 30 times a step in untrained weights), so the bits should not depend on which kernels MKL picks for this
# CPU. MKL reads this at its first product; training asks for AUTO, which is 10 to 20 % faster on AVX-512.
os.environ.setdefault("MKL_CBWR", "AVX2,STRICT")


class Carry(NamedTuple):
    """State of a batch between steps: z_H (the answer) and z_L (the reasoning), each (batch, positions, hidden)."""

    z_H: Tensor
    z_L: Tensor


class Output(NamedTuple):
    """What one step says: logits (batch, seq_len, vocab) and q_halt, q_continue (batch,)."""

    logits: Tensor
    q_halt: Tensor
    q_continue: Tensor


class Embedding(nn.Module):
    """A table of `count` vectors under the reference's key `embedding_weight`."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.embedding_weight = nn.Parameter(trunc_normal((count, width), 1 / math.sqrt(width)))


class PuzzleEmbedding(nn.Module):
    """One vector a task, under the reference's key `weights`; starts at zero as there."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(count, width))


class ReasoningModule(nn.Module):
    """L(a, b): the blocks applied to a + b."""

    def __init__(self, config: TRMConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Block(config) for _ in range(config.L_layers))

    def forward(self, state: Tensor, injection: Tensor) -> Tensor:
        x = state + injection
        for layer in self.layers:
            x = layer(x)
        return x


class TRM(nn.Module):
    """One TRM. `forward` is one supervision step over a batch; the caller keeps the carry and decides when to halt."""

    H_init: Tensor
    L_init: Tensor

    def __init__(self, config: TRMConfig) -> None:
        super().__init__()
        self.config, width = config, config.hidden_size
        self.embed_tokens = Embedding(config.vocab_size, width)
        if config.pos_encodings == "learned":
            self.embed_pos = Embedding(config.positions, width)
        if config.puzzle_emb_ndim:
            self.puzzle_emb = PuzzleEmbedding(config.num_puzzle_identifiers, config.puzzle_emb_ndim)
        self.L_level = ReasoningModule(config)
        self.lm_head = Linear(width, config.vocab_size)
        self.q_head = Linear(width, 2, bias=True)
        nn.init.zeros_(self.q_head.weight)  # the reference starts by almost never halting
        self.q_head.bias = nn.Parameter(torch.full((2,), -5.0))
        self.register_buffer("H_init", trunc_normal((width,), 1.0))
        self.register_buffer("L_init", trunc_normal((width,), 1.0))

    def on(self, height: int, width: int) -> "TRM":
        """The same weights, not copies of them, for another grid. Raises `InvalidModel` for a mixer whose weights fit one size only."""
        other = TRM(self.config.on(height, width))
        other.load_state_dict(self.state_dict(), assign=True)
        return other.train(self.training).requires_grad_(False)

    def fresh(self, batch: int) -> Carry:
        """The carry of `batch` puzzles before their first step."""
        shape = (batch, self.config.positions, self.config.hidden_size)
        return Carry(self.H_init.expand(shape), self.L_init.expand(shape))

    def puzzle(self, tokens: Tensor, puzzle_ids: Tensor | None = None) -> Tensor | None:
        """The puzzle embedding of each puzzle, (batch, puzzle_emb_ndim); of the first id, where none are given; None in a model without."""
        if not self.config.prefix_len:
            return None
        return self.puzzle_emb.weights[torch.zeros_like(tokens[:, 0]) if puzzle_ids is None else puzzle_ids]

    def embed(self, tokens: Tensor, puzzle: Tensor | None = None) -> Tensor:
        """The input embedding (batch, positions, hidden) of tokens (batch, seq_len) and what `puzzle` gives."""
        config, x = self.config, looked_up(self.embed_tokens.embedding_weight, tokens)
        if puzzle is not None:
            room = config.prefix_len * config.hidden_size - config.puzzle_emb_ndim
            prefix = torch.nn.functional.pad(puzzle, (0, room)).view(-1, config.prefix_len, config.hidden_size)
            x = torch.cat((prefix, x), dim=1)
        if config.pos_encodings == "learned":
            x = (x + self.embed_pos.embedding_weight) * math.sqrt(0.5)
        return x * math.sqrt(config.hidden_size)

    def cycle(self, z_H: Tensor, z_L: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """One H cycle: refine the reasoning `L_cycles` times, then the answer once."""
        for _ in range(self.config.L_cycles):
            z_L = self.L_level(z_L, z_H + x)
        return self.L_level(z_H, z_L), z_L

    def forward(self, carry: Carry, tokens: Tensor, puzzle_ids: Tensor | None = None) -> tuple[Carry, Output]:
        """One step. Only the last of the `H_cycles` carries gradient; the carry comes back detached.

        With mixer `local` cells may also be a grid of any size: tokens (batch, height, width), states (batch, height, width, hidden).
        """
        return self.step(carry, tokens, self.puzzle(tokens, puzzle_ids))

    def step(self, carry: Carry, tokens: Tensor, puzzle: Tensor | None) -> tuple[Carry, Output]:
        """The same with the puzzles' embeddings, (batch, puzzle_emb_ndim), in the place of their ids."""
        x = self.embed(tokens, puzzle)
        z_H, z_L = carry
        with torch.no_grad():
            for _ in range(self.config.H_cycles - 1):
                z_H, z_L = self.cycle(z_H, z_L, x)
        z_H, z_L = self.cycle(z_H, z_L, x)
        positions = z_H.flatten(1, -2)
        pooled = positions[:, 0] if self.config.q_head_input == "first" else positions.mean(1)
        exact = pooled if pooled.dtype == torch.float32 else pooled.float()  # an exported graph would keep even a cast that changes nothing
        q = self.q_head(exact).float()
        logits = self.lm_head(z_H[:, self.config.prefix_len :])
        return Carry(z_H.detach(), z_L.detach()), Output(logits, q[:, 0], q[:, 1])
