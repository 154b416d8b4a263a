"""The TRM step in torch, on a CPU or a CUDA device from the same code. Knows tensors and batch sizes; no requests or policy.

On CUDA a step is bfloat16 (weights and states; norms and the q head in float32) and one launch: a graph captured for each bucket of batch sizes, the size
rounded up to its bucket. The rules are checked inside it. What crosses to the host is each step's logits and rule counts, and the answers that are asked for.
All of this but the capture (`torch_graph`) also runs on a CPU, where it is tested.

A step waits for its own flags, by an event behind their copy into pinned memory and not for the whole device, and the next step begins after the scheduler
has seen them. Running ahead on the old slots instead would hide the scheduler's time, but every attempt would take one step more than it needs, of a few, a
freed slot would stay empty for a step, and answers would have to be kept twice.
"""

import copy
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.engine.runner import Judged
from app.engine.torch_graph import capture
from app.engine.torch_rules import Check
from app.engine.torch_slots import Slots
from app.model.trm import TRM, Carry
from app.puzzles.base import Tokens

COMPILED_SHAPES = 64
"""Grids and kinds of batches that a step is compiled for, of all models together; torch would give up after 8."""


class Outputs(NamedTuple):
    """What a step computes of some slots: z_H, z_L, answers (size, cells) and flags (size, 2 or 3): both q logits and, where it judges, rules broken."""

    z_H: Tensor
    z_L: Tensor
    answers: Tensor
    flags: Tensor


def buckets(slots: int) -> list[int]:
    """The batch sizes that there are graphs for: powers of two, and all slots."""
    return [*(1 << power for power in range((slots - 1).bit_length())), slots]


def narrow(model: TRM, dtype: torch.dtype) -> TRM:
    """The model with its parameters, but those of the q head, in `dtype`; buffers stay as they are."""
    for name, parameter in model.named_parameters():
        if not name.startswith("q_head."):
            parameter.data = parameter.data.to(dtype)
    return model


class TorchRunner:
    """Slots on one device. With a `check` of the rules it judges answers itself; `bucketed` rounds batch sizes up. `dtype` is that of weights and states.

    `compiled` has torch fuse the kernels of a step, which needs a C compiler and takes some time, and is worth it for large models on a GPU.
    """

    def __init__(
        self,
        model: TRM,
        slots: int,
        device: str = "cpu",
        *,
        dtype: torch.dtype | None = None,
        bucketed: bool | None = None,
        compiled: bool = False,
        check: Check | None = None,
    ) -> None:
        self.device, self.slots, self.check, self.cuda = device, slots, check, device.startswith("cuda")
        self.dtype = dtype or (torch.bfloat16 if self.cuda else torch.float32)
        self.buckets, self.compiled = buckets(slots) if (self.cuda if bucketed is None else bucketed) else [], compiled
        if ":" in device:
            torch.cuda.set_device(device)  # captures and events belong to the current device
        self.model = narrow(model.to(device), self.dtype).eval().requires_grad_(False)
        self._allocate()

    def on(self, height: int, width: int) -> Self:
        """Other slots, for puzzles of another size, around the same weights. Only for weights that fit every size."""
        other = copy.copy(self)
        other.model, other.check = self.model.on(height, width).to(self.device), self.check and self.check.on(height, width)
        other._allocate()
        return other

    def _allocate(self) -> None:
        """Empty slots, and a way to step each bucket of them."""
        if self.compiled:
            torch._dynamo.config.recompile_limit = COMPILED_SHAPES
            self.model.L_level.compile()
        self.cells = self.model.config.seq_len
        self.state = Slots(self.model, self.slots, self.device, self.dtype)
        self.flags = torch.zeros(self.slots, 3 if self.check else 2, pin_memory=self.cuda)
        self.copied = torch.cuda.Event() if self.cuda else None  # type: ignore[no-untyped-call]
        programs: dict[int, Callable[[], Outputs]] = {size: partial(self._compute, slice(size)) for size in reversed(self.buckets)}
        self.programs = capture(programs) if self.cuda else programs

    def load(self, slot: int, tokens: Tokens, puzzle_id: int = 0, question: Tokens | None = None) -> None:
        """Put a puzzle (cells,) into a slot, with a fresh carry and that row of the puzzle embedding, where the model has many."""
        self.state.load(slot, tokens, puzzle_id, tokens if question is None else question)

    def swap(self, one: int, other: int) -> None:
        """Let two slots exchange what they hold."""
        self.state.swap(one, other)

    @torch.inference_mode()
    def step(self, size: int, first: int = 0) -> tuple[Tokens | Judged, NDArray[np.float32]]:
        """One step of slots first..first+size-1: answers (size, cells) and the logits (size, 2) of halting and of a contradiction in the input.

        The slots are written last, so an error before leaves them as they were. (One of CUDA's own may come later; after it the device refuses all.)
        """
        self.state.flush()
        rows = slice(first, first + size)
        bucket = next((bucket for bucket in self.buckets if bucket >= size), None) if first == 0 else None
        outputs = self._compute(rows) if bucket is None else self.programs[bucket]()
        self.state.commit(rows, outputs.z_H[:size], outputs.z_L[:size])
        flags = self._fetched(outputs.flags[:size])
        if self.check is None:
            return outputs.answers[:size].cpu().numpy(), flags
        return Judged(flags[:, 2].astype(np.intp), partial(_some, outputs.answers)), flags[:, :2]

    @torch.inference_mode()  # captures and compiles come here by themselves, and a step that is compiled in another mode is compiled again
    def _compute(self, rows: slice) -> Outputs:
        """The step of some slots, which are left as they are."""
        state = self.state
        carry, output = self.model(Carry(state.carry.z_H[rows], state.carry.z_L[rows]), state.tokens[rows].long(), state.puzzle_ids[rows])
        answers = output.logits.argmax(-1).to(torch.uint8)
        flags = [output.q_halt, output.q_continue]
        if self.check is not None:
            flags.append(self.check(state.questions[rows], answers).float())
        return Outputs(carry.z_H, carry.z_L, answers, torch.stack(flags, dim=-1))

    def _fetched(self, flags: Tensor) -> NDArray[np.float32]:
        """Flags on the host, (size, 2 or 3), as soon as they are there."""
        pinned = self.flags[: len(flags)]
        pinned.copy_(flags, non_blocking=True)
        if self.copied is not None:
            self.copied.record()
            self.copied.synchronize()
        return pinned.numpy().copy()


def _some(answers: Tensor, rows: list[int]) -> Tokens:
    """Some of the answers of a step, (rows, cells), on the host."""
    return answers[torch.tensor(rows, dtype=torch.long, device=answers.device)].cpu().numpy()
