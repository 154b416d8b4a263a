"""A step whose faults stay with the slots that cause them: an error, or a number that is none, costs the other slots nothing. Knows slots; no requests.

A runner that raises has stepped no slot (see `Runner.step`), so the slots are run again from the state before, in halves, down to the one that raises alone.
Every other slot is stepped once, and what it gets is the same, since it does not depend on what else is in the batch. For n slots that is at most 2n - 1 runs
and log2(n) + 1 times the work of the step, whatever happens; a single culprit costs 2 log2(n) runs more, with twice the work of the step.

The two q logits tell for the whole state: what is not finite anywhere in it makes them so in the next step at the latest, those of its own slot and of no
other (tested for every mixer; `local` needs `q_head_input` mean for it). Until then it can only be in an answer, which is judged as any other.
"""

import math
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.engine.runner import Judged, Runner
from app.errors import InvalidModel
from app.puzzles.base import Tokens

Logits = list[list[float]]
"""Of a step: that of halting of each slot, then that of a contradiction in its input. Lists, whose numbers are read one by one quicker than an array's."""

FaultKind = Literal["raised", "not_finite"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What a slot's step did wrong: `detail` says it to anyone, `cause` in the words of the runtime, which may name its insides."""

    kind: FaultKind
    detail: str
    cause: str


def step(runner: Runner, size: int) -> tuple[Tokens | Judged, Logits, dict[int, Fault]]:
    """`runner.step(size)` and the faults by slot; rows of such slots mean nothing. Their state is lost: load them anew.

    Raises `InvalidModel` when no slot came through and an empty grid does not either: then it is not for the puzzles.
    """
    answers, logits, faults = _run(runner, size)
    if len(faults) == size:
        runner.load(0, np.ones(runner.cells, dtype=np.uint8))
        for fault in _run(runner, 1)[2].values():
            raise InvalidModel(f"the model's step {fault.detail} on an empty grid, too: {fault.cause}")
    return answers, logits, faults


def _run(runner: Runner, size: int) -> tuple[Tokens | Judged, Logits, dict[int, Fault]]:
    answers, both, faults = _attempt(runner, 0, size)
    logits: Logits = both.T.tolist()
    if not all(map(math.isfinite, chain.from_iterable(logits))):
        for slot, head in enumerate(zip(*logits, strict=True)):
            if not all(map(math.isfinite, head)):
                faults.setdefault(slot, Fault("not_finite", "gave numbers that are not finite", f"q {list(head)}"))
    return answers, logits, faults


def _attempt(runner: Runner, first: int, size: int) -> tuple[Tokens | Judged, NDArray[np.float32], dict[int, Fault]]:
    """Step slots first..first+size-1; when that raises, each half of them."""
    try:
        return *runner.step(size, first), {}
    except Exception as error:  # whatever a runtime raises
        if size == 1:
            fault = Fault("raised", f"raised {type(error).__name__}", str(error))
            return np.zeros((1, runner.cells), dtype=np.uint8), np.full((1, 2), np.nan, dtype=np.float32), {first: fault}
    half = size // 2
    left = _fetched(*_attempt(runner, first, half))
    right = _fetched(*_attempt(runner, first + half, size - half))
    return np.concatenate([left[0], right[0]]), np.concatenate([left[1], right[1]]), left[2] | right[2]


def _fetched(answers: Tokens | Judged, logits: NDArray[np.float32], faults: dict[int, Fault]) -> tuple[Tokens, NDArray[np.float32], dict[int, Fault]]:
    """The same with answers that outlast the next run."""
    return answers.fetch(list(range(len(logits)))) if isinstance(answers, Judged) else answers, logits, faults
