"""The TRM step as an ONNX Runtime session on a CPU: about twice eager torch's speed, and no torch to install.

Knows slots and arrays; no requests or rules. The graph is what `model/export` writes: inputs `tokens`, `z_H`, `z_L`, outputs
`answers`, `q_halt`, `next_z_H`, `next_z_L`; of a model whose puzzles have embeddings also the input `puzzle`, the embedding itself: the table stays in
the weights file.
"""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidModel
from app.model.embedding import PuzzleTable
from app.puzzles.base import Tokens

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read at import; without it a database appears in the home folder
import onnxruntime


class OnnxRunner:
    """Slots as preallocated numpy arrays around one session of `threads` threads."""

    device = "cpu"

    def __init__(self, path: Path, slots: int, threads: int, puzzles: PuzzleTable | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # spinning threads starve the other workers
        try:
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            start = {
                name: np.frombuffer(bytes.fromhex(text), "<f4")
                for name, text in self.session.get_modelmeta().custom_metadata_map.items()
                if name.endswith("_init")
            }
            self.H_init, self.L_init = start["H_init"], start["L_init"]
        except Exception as error:  # onnxruntime raises classes of its own, all of them for an unusable file here
            raise InvalidModel(f"{path}: {error}") from error
        shapes = {value.name: value.shape for value in self.session.get_inputs()}
        self.slots, self.cells, self.puzzles = slots, int(shapes["tokens"][1]), puzzles
        state = (slots, *map(int, shapes["z_H"][1:]))
        self.tokens = np.zeros((slots, self.cells), dtype=np.uint8)
        self.z_H, self.z_L = np.zeros(state, dtype=np.float32), np.zeros(state, dtype=np.float32)
        self.puzzle = np.zeros((slots, int(shapes["puzzle"][1]) if puzzles else 0), dtype=np.float32)

    def load(self, slot: int, tokens: Tokens, puzzle_id: int = 0) -> None:
        """Put a puzzle (cells,) into a slot, with a fresh carry and that row of the puzzle embedding, where the model has many."""
        self.tokens[slot], self.z_H[slot], self.z_L[slot] = tokens, self.H_init, self.L_init
        if self.puzzles:
            self.puzzle[slot] = self.puzzles[puzzle_id]

    def write(self, slot: int, cell: int, token: int) -> None:
        """Change one cell of a slot's puzzle; its carry goes on."""
        self.tokens[slot, cell] = token

    def move(self, source: int, target: int) -> None:
        """Copy the state of one slot over another."""
        for state in (self.tokens, self.z_H, self.z_L, self.puzzle):
            state[target] = state[source]

    def step(self, size: int) -> tuple[Tokens, NDArray[np.float32]]:
        """One step of slots 0..size-1: answers (size, cells) and halting logits (size,)."""
        feed = {"tokens": self.tokens[:size], "z_H": self.z_H[:size], "z_L": self.z_L[:size]}
        if self.puzzles:
            feed["puzzle"] = self.puzzle[:size]
        answers, q_halt, self.z_H[:size], self.z_L[:size] = self.session.run(("answers", "q_halt", "next_z_H", "next_z_L"), feed)
        return answers, q_halt
