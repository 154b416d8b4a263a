"""Real models of which one token is poison: a puzzle with that digit among its givens fails the step, any other does not. Needs torch and onnx."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import save_file

from app.model import weights
from app.model.export import export
from app.model.store import GRAPH, MANIFEST, WEIGHTS, Entry
from app.model.trm import TRM
from tests.support.models import random_model
from tests.support.stores import manifest, tiny

Poison = Literal["not_finite", "raised"]
DIGIT = 4
"""The digit that is poison in 4x4."""


def poisoned_model(kind: Poison) -> TRM:
    """A 4x4 model whose embedding of the digit is NaN, or that has no embedding of it."""
    config = tiny(4)
    model = random_model(replace(config, vocab_size=DIGIT + 1) if kind == "raised" else config)
    if kind == "not_finite":
        poison(model, DIGIT)
    return model


def poison(model: TRM, digit: int) -> None:
    """Make the embedding of a digit NaN, as a flipped bit can."""
    with torch.no_grad():
        model.embed_tokens.embedding_weight[digit + 1] = math.nan


def put(folder: Path, model: TRM, **said: object) -> Path:
    """Write a whole folder of the store; `said` is what its manifest says otherwise. `weights.save` would refuse what is not finite."""
    folder.mkdir(parents=True)
    save_file(model.state_dict(), folder / WEIGHTS)
    export(model, folder / GRAPH)
    usual = manifest(folder, 4, arch=model.config.to_json())
    (folder / MANIFEST).write_text(json.dumps({**usual, **said, "sha256": usual["sha256"]}))
    return folder


def put_poisoned_copy(root: Path, entry: Entry, digit: int) -> Path:
    """A copy of a trained model, under the same name, to which one digit is poison."""
    model = weights.load(entry)
    poison(model, digit)
    return put(root / entry.name, model, **json.loads((entry.folder / MANIFEST).read_text()))
