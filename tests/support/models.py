"""Real models too small to have learned anything: random weights, exported as a trained one would be. Needs torch and onnx."""

import json
from pathlib import Path

import torch

from app.model import weights
from app.model.config import TRMConfig
from app.model.export import export
from app.model.store import GRAPH, MANIFEST, WEIGHTS
from app.model.trm import TRM
from tests.support.stores import manifest, tiny


def random_model(config: TRMConfig) -> TRM:
    """The same model for the same config, with a halting head that has an opinion."""
    torch.manual_seed(0)
    model = TRM(config)
    torch.nn.init.normal_(model.q_head.weight)
    if config.puzzle_emb_ndim:
        torch.nn.init.normal_(model.puzzle_emb.weights)
    return model.eval()


def put_model(root: Path, name: str, side: int) -> Path:
    """Write a whole folder of the store."""
    folder, model = root / name, random_model(tiny(side))
    folder.mkdir(parents=True)
    weights.save(model, folder / WEIGHTS)
    export(model, folder / GRAPH)
    (folder / MANIFEST).write_text(json.dumps(manifest(folder, side)))
    return folder
