"""Write one TRM step as an ONNX graph, argmax included, with the initial states in its metadata. Needs torch and onnx."""

import logging
import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from app.model.trm import TRM, Carry

INPUTS, PUZZLE = ["tokens", "z_H", "z_L"], "puzzle"
OUTPUTS = ["answers", "q_halt", "next_z_H", "next_z_L"]
OPSET = 17


class Step(nn.Module):
    """(tokens uint8, z_H, z_L, puzzle where puzzles have embeddings) -> (answers uint8, q_halt, next z_H, next z_L).

    The embedding itself is the input, not its number: a table of gigabytes has no place in a graph.
    """

    def __init__(self, model: TRM) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, z_H: Tensor, z_L: Tensor, puzzle: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        if puzzle is None:
            puzzle = self.model.puzzle(tokens.long())
        carry, output = self.model.step(Carry(z_H, z_L), tokens.long(), puzzle)
        return output.logits.argmax(-1).to(torch.uint8), output.q_halt, carry.z_H, carry.z_L


def export(model: TRM, path: Path) -> None:
    """Export the step of `model` with a free batch dimension. A table of many puzzle embeddings is not asked for."""
    inputs = [*INPUTS, PUZZLE] if model.config.named else INPUTS
    example = (torch.ones(2, model.config.seq_len, dtype=torch.uint8), *(z.clone() for z in model.fresh(2)))
    if model.config.named:
        example = (*example, torch.ones(2, model.config.puzzle_emb_ndim))
    axes = {name: {0: "batch"} for name in inputs + OUTPUTS}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the tracing exporter warns that it is old; the newer one needs one more dependency
        torch.onnx.export(
            Step(model.eval()), example, str(path), input_names=inputs, output_names=OUTPUTS, dynamic_axes=axes, opset_version=OPSET, dynamo=False
        )
    graph = onnx.load(str(path))
    init = {"H_init": model.H_init, "L_init": model.L_init}
    onnx.helper.set_model_props(graph, {name: value.numpy().astype("<f4").tobytes().hex() for name, value in init.items()})
    onnx.save(graph, str(path))
