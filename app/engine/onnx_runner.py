"""The TRM step as an ONNX Runtime session on a CPU: about twice eager torch's speed, and no torch to install.

Knows slots and arrays; no requests or rules. The graph is what `model/export` writes: inputs `tokens`, `z_H`, `z_L`, outputs
`answers`, `q`, `next_z_H`, `next_z_L`; of one size, or of grids of any. Of a model whose puzzles have embeddings also the input `puzzle`, the embedding
itself: the table stays in the weights file.
"""

import copy
import os
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidModel
from app.model.stored import Stored
from app.puzzles.base import Tokens

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read at import; without it a database appears in the home folder
import onnxruntime


class OnnxRunner:
    """Slots as preallocated numpy arrays around one session of `threads` threads."""

    device = "cpu"

    def __init__(self, path: Path, slots: int, threads: int, puzzles: Stored | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 4  # what fails is raised, too, and the service's log is JSON
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # spinning threads starve the other workers
        try:
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            told = self.session.get_modelmeta().custom_metadata_map
            self.H_init, self.L_init = (np.frombuffer(bytes.fromhex(told[name]), "<f4") for name in ("H_init", "L_init"))
        except Exception as error:  # onnxruntime raises classes of its own, all of them for an unusable file here
            raise InvalidModel(f"{path}: {error}") from error
        self.slots, self.puzzles = slots, puzzles
        self._allocate({name: int(told[name]) for name in ("height", "width") if name in told})

    def on(self, height: int, width: int) -> Self:
        """Other slots, for puzzles of another size, around the same session. Raises `InvalidModel` for a graph of one size."""
        other = copy.copy(self)
        other._allocate({"height": height, "width": width})
        if other.cells != height * width:
            raise InvalidModel(f"the ONNX step is of {self.cells} cells and has no {height}x{width}: export the model again")
        return other

    def _allocate(self, grid: dict[str, int]) -> None:
        """Empty slots; `grid` gives the dimensions that the graph leaves free and names."""
        shapes = {value.name: [int(grid.get(size, size)) for size in value.shape[1:]] for value in self.session.get_inputs()}
        self.grids = np.zeros((self.slots, *shapes["tokens"]), dtype=np.uint8)
        self.tokens = self.grids.reshape(self.slots, -1)
        self.cells = self.tokens.shape[1]
        self.z_H, self.z_L = (np.zeros((self.slots, *shapes[name]), dtype=np.float32) for name in ("z_H", "z_L"))
        self.puzzle = np.zeros((self.slots, *(shapes["puzzle"] if self.puzzles else [0])), dtype=np.float32)
        self.inputs: dict[str, NDArray[Any]] = {"tokens": self.grids, "z_H": self.z_H, "z_L": self.z_L}
        if self.puzzles:
            self.inputs["puzzle"] = self.puzzle
        self.outputs: dict[str, NDArray[Any]] = {"answers": np.zeros_like(self.grids), "q": np.zeros((self.slots, 2), dtype=np.float32)}
        self.outputs |= {"next_z_H": np.zeros_like(self.z_H), "next_z_L": np.zeros_like(self.z_L)}
        self.bound: dict[tuple[int, int], Any] = {}

    def load(self, slot: int, tokens: Tokens, puzzle_id: int = 0, question: Tokens | None = None) -> None:  # noqa: ARG002  # it does not judge
        """Put a puzzle (cells,) into a slot, with a fresh carry and that row of the puzzle embedding, where the model has many."""
        self.tokens[slot], self.z_H[slot], self.z_L[slot] = tokens, self.H_init, self.L_init
        if self.puzzles:
            self.puzzle[slot] = self.puzzles[puzzle_id]

    def swap(self, one: int, other: int) -> None:
        """Let two slots exchange what they hold."""
        for state in (self.tokens, self.z_H, self.z_L, self.puzzle):
            state[[one, other]] = state[[other, one]]

    def _bind(self, rows: slice) -> Any:
        """The rows of all arrays as the session takes them: found once, for that takes some 40 microseconds."""
        bound = self.session.io_binding()
        for bind, arrays in ((bound.bind_input, self.inputs), (bound.bind_output, self.outputs)):
            for name, array in arrays.items():
                part = array[rows]
                bind(name, "cpu", 0, part.dtype, part.shape, part.ctypes.data)
        return bound

    def step(self, size: int, first: int = 0) -> tuple[Tokens, NDArray[np.float32]]:
        """One step of slots first..first+size-1: answers (size, cells) and the logits (size, 2) of halting and of a contradiction in the input."""
        rows = slice(first, first + size)
        if (first, size) not in self.bound:
            self.bound[first, size] = self._bind(rows)
        self.session.run_with_iobinding(self.bound[first, size])
        answers, q, next_H, next_L = (array[rows] for array in self.outputs.values())
        self.z_H[rows], self.z_L[rows] = next_H, next_L  # only now: a run that raised has changed nothing
        return answers.reshape(size, -1).copy(), q.copy()
