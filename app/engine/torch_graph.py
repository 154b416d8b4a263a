"""The capture of computations as CUDA graphs: the one part of the torch runner that needs a GPU to run at all."""

from collections.abc import Callable
from typing import TypeVar

import torch

T = TypeVar("T")
WARM_UPS = 3
"""Runs before a capture, in which libraries choose kernels and allocate workspaces, which a capture may not."""


def capture(computes: dict[int, Callable[[], T]]) -> dict[int, Callable[[], T]]:
    """Each computation as one launch: the same kernels on the same addresses. What it returns are the same tensors each time, overwritten by later runs.

    All share one pool of memory, since no two run at once: the results of one last until another runs. Call it with the largest first, so that the others
    find room in its memory.
    """
    pool = torch.cuda.graph_pool_handle()
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    replays = {}
    for size, compute in computes.items():
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                compute()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool):
            results = compute()
        replays[size] = _replay(graph, results)
    return replays


def _replay(graph: torch.cuda.CUDAGraph, results: T) -> Callable[[], T]:
    def run() -> T:
        graph.replay()
        return results

    return run
