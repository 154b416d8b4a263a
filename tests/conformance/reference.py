"""Run a checkpoint of the reference implementation through this project's TRM, in a process of its own, and print how far they differ.

A process of its own, because the arithmetic of a process is settled by its first matrix product. As a program:
`python -m tests.conformance.reference FOLDER` prints one JSON object, tensor by tensor.
"""

import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import load_file

from app.model.config import TRMConfig
from app.model.trm import TRM

PREFIXES = ("_orig_mod.", "model.inner.")


def config_of(folder: Path) -> TRMConfig:
    """Our config of a reference run: the fields that share a name, and `mlp_t` as the mixer."""
    arch: dict[str, Any] = yaml.safe_load((folder / "all_config.yaml").read_text())["arch"]
    data = json.loads((folder / "dataset.json").read_text())
    known = {field.name for field in fields(TRMConfig)}
    shared = {name: value for name, value in (arch | data).items() if name in known}
    return TRMConfig(mixer="mlp" if arch["mlp_t"] else "attention", **shared)


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    """The checkpoint's tensors under our names."""
    tensors: dict[str, torch.Tensor] = torch.load(folder / "step_1000", weights_only=True)
    for prefix in PREFIXES:
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors


def differences(folder: Path) -> dict[str, float]:
    """The largest difference of every tensor that the reference computed."""
    model, expected = TRM(config_of(folder)), load_file(folder / "expected.safetensors")
    model.load_state_dict(weights_of(folder))
    model.eval()
    inputs, ids = expected.pop("inputs").long(), expected.pop("puzzle_identifiers").long()
    carry, found = model.fresh(len(inputs)), dict[str, torch.Tensor]()
    for step in range(1, 1 + sum(name.startswith("logits_") for name in expected)):
        with torch.no_grad():
            carry, output = model(carry, inputs, ids)
        found |= {f"logits_{step}": output.logits, f"q_halt_{step}": output.q_halt}
    found |= carry._asdict()
    assert found.keys() == expected.keys()
    return {name: float((value - expected[name]).abs().max()) for name, value in found.items()}


if __name__ == "__main__":
    print(json.dumps(differences(Path(sys.argv[1]))))
