"""Write one TRM step as an ONNX graph, argmax included, with the initial states in its metadata. Needs torch and onnx.

The graph of mixer `local` takes grids of any size, (batch, height, width), since its weights do; the others take (batch, seq_len).
"""

import logging
import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from app.model.trm import TRM, Carry

INPUTS, PUZZLE = ["tokens", "z_H", "z_L"], "puzzle"
OUTPUTS = ["answers", "q", "next_z_H", "next_z_L"]
OPSET = 17


class Step(nn.Module):
    """(tokens uint8, z_H, z_L, puzzle where puzzles have embeddings) -> (answers uint8, q, next z_H, next z_L); q (batch, 2) is q_halt and q_continue.

    The embedding itself is the input, not its number: a table of gigabytes has no place in a graph.
    """

    def __init__(self, model: TRM) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, z_H: Tensor, z_L: Tensor, puzzle: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        if puzzle is None:
            puzzle = self.model.puzzle(tokens.long())
        carry, output = self.model.step(Carry(z_H, z_L), tokens.long(), puzzle)
        return output.logits.argmax(-1).to(torch.uint8), torch.stack((output.q_halt, output.q_continue), dim=-1), carry.z_H, carry.z_L


def export(model: TRM, path: Path) -> None:
    """Export the step of `model` with a free batch dimension and, with mixer `local`, free height and width. A table of many puzzle embeddings is left out."""
    free = model.config.mixer == "local"
    cells = (6, 7) if free else (model.config.seq_len,)
    states = (torch.empty(2, *(cells if free else (model.config.positions,)), model.config.hidden_size) for _ in range(2))
    inputs = [*INPUTS, PUZZLE] if model.config.named else INPUTS
    example = (torch.ones(2, *cells, dtype=torch.uint8), *(z.normal_() for z in states))
    if model.config.named:
        example = (*example, torch.ones(2, model.config.puzzle_emb_ndim))
    grid = {1: "height", 2: "width"} if free else {}
    axes = {name: {0: "batch"} | (grid if name != "q" else {}) for name in inputs + OUTPUTS}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the tracing exporter warns that it is old; the newer one needs one more dependency
        torch.onnx.export(
            Step(model.eval()), example, str(path), input_names=inputs, output_names=OUTPUTS, dynamic_axes=axes, opset_version=OPSET, dynamo=False
        )
    graph = onnx.load(str(path))
    init = {"H_init": model.H_init, "L_init": model.L_init}
    told = {name: value.numpy().astype("<f4").tobytes().hex() for name, value in init.items()}
    if model.config.grid_shape:
        told |= {name: str(size) for name, size in zip(("height", "width"), model.config.grid_shape, strict=True)}
    onnx.helper.set_model_props(graph, told)
    onnx.save(graph, str(path))
