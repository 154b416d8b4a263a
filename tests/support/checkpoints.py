"""Checkpoints in the reference implementation's form: a state dict, `all_config.yaml` and `dataset.json`, of small random models. Needs torch."""

import json
from pathlib import Path
from typing import Any

import torch
import yaml

from app.model.config import TRMConfig
from app.model.trm import TRM
from tests.support.models import random_model

PUBLIC = "_orig_mod.model.inner."
ARCH = {
    "name": "recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1",
    "loss": {"name": "losses@ACTLossHead", "loss_type": "stablemax_cross_entropy"},
    "halt_exploration_prob": 0.1,
    "halt_max_steps": 5,
    "H_cycles": 2,
    "L_cycles": 3,
    "H_layers": 0,
    "L_layers": 2,
    "hidden_size": 24,
    "num_heads": 2,
    "expansion": 4,
    "puzzle_emb_ndim": 24,
    "puzzle_emb_len": 3,
    "pos_encodings": "rope",
    "mlp_t": False,
    "no_ACT_continue": True,
    "forward_dtype": "bfloat16",
}
SIZES = {"vocab_size": 11, "seq_len": 16, "num_puzzle_identifiers": 1, "pad_id": 0}

Tensors = dict[str, Any]


def official(arch: dict[str, Any], sizes: dict[str, Any]) -> TRM:
    """A random model of an official config, its puzzle embedding not zero."""
    ours = ("hidden_size", "num_heads", "expansion", "L_layers", "H_cycles", "L_cycles", "pos_encodings", "puzzle_emb_ndim", "puzzle_emb_len", "halt_max_steps")
    counts = {name: sizes[name] for name in ("vocab_size", "seq_len", "num_puzzle_identifiers")}
    model = random_model(TRMConfig(mixer="mlp" if arch["mlp_t"] else "attention", **{name: arch[name] for name in ours}, **counts))
    if arch["puzzle_emb_ndim"]:
        torch.nn.init.normal_(model.puzzle_emb.weights)
    return model


def put_configs(folder: Path, arch: dict[str, Any], sizes: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "all_config.yaml").write_text(yaml.dump({"arch": arch, "epochs": 50_000, "lr": 1e-4}))
    (folder / "dataset.json").write_text(json.dumps(sizes))


def put_checkpoint(folder: Path, prefix: str = PUBLIC, tensors: Tensors | None = None, zipped: bool = True, **changes: Any) -> TRM:
    """Write a folder with `step_7` of a random model, to which `tensors` are added under names of their own; the model.

    `changes` are fields of the arch section or of the data set.
    """
    arch = ARCH | {name: value for name, value in changes.items() if name in ARCH}
    sizes = SIZES | {name: value for name, value in changes.items() if name in SIZES}
    model = official(arch, sizes)
    put_configs(folder, arch, sizes)
    state = {prefix + name: value for name, value in model.state_dict().items()} | (tensors or {})
    torch.save(state, folder / "step_7", _use_new_zipfile_serialization=zipped)
    return model
