"""A source whose puzzles other processes draw before they are asked for: a GPU takes them faster than one process draws them. Knows sources; no model."""

import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess

import numpy as np
from numpy.typing import NDArray

from app.puzzles.base import Tokens
from app.training.data import Example, Source

BLOCK = 256
"""Examples that a process draws at a time."""

Block = tuple[Tokens, NDArray[np.int64]]
"""Questions with their answers, (BLOCK, 2, cells), and puzzle ids, (BLOCK,)."""

_source: Source
"""The source of a drawing process."""


@contextmanager
def drawn_ahead(source: Source, processes: int) -> Iterator[Source]:
    """The source itself for 0 processes, else one that draws in so many, which end with the block."""
    if not processes:
        yield source
        return
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _begin, (source,))
    try:
        yield Ahead(source, pool, 2 * processes)
    finally:
        pool.shutdown(cancel_futures=True)


class Ahead:
    """Draws what `source` would, in processes of a pool. Each block has a seed from `rng`, so an uninterrupted run draws the same whatever their number.

    Blocks that wait when a run stops are not drawn again: it goes on with others.
    """

    def __init__(self, source: Source, pool: ProcessPoolExecutor, ahead: int) -> None:
        """`ahead` blocks are asked of the pool before they are needed."""
        self.rules, self.rng = source.rules, source.rng
        self._pool, self._ahead, self._waiting, self._drawn = pool, ahead, deque[Future[Block]](), self._examples()

    def draw(self) -> Example:
        """One example."""
        return next(self._drawn)

    def _examples(self) -> Iterator[Example]:
        while True:
            while len(self._waiting) < self._ahead:
                self._waiting.append(self._pool.submit(_draw, int(self.rng.integers(2**63))))
            pairs, puzzle_ids = self._waiting.popleft().result()
            for (question, answer), puzzle_id in zip(pairs, puzzle_ids.tolist(), strict=True):
                yield Example(question, answer, puzzle_id)


def _begin(source: Source) -> None:
    global _source  # noqa: PLW0603  # a process of a pool has no other place to keep what it begins with
    _source = source
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run ends its pool
    threading.Thread(target=_end_with, args=(parent_process(),), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    """End this process once its parent has: a run that is killed ends nothing itself."""
    parent.join()
    os._exit(1)


def _draw(seed: int) -> Block:
    _source.rng.bit_generator.state = type(_source.rng.bit_generator)(seed).state
    drawn = [_source.draw() for _ in range(BLOCK)]
    return np.array([each[:2] for each in drawn]), np.array([each.puzzle_id for each in drawn])
