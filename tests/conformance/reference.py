"""Run an imported checkpoint of the reference implementation, in a process of its own, and print how far it is from what was computed there.

A process of its own, because the arithmetic of a process is settled by its first matrix product. As a program:
`python -m tests.conformance.reference ENTRY EXPECTED` (a folder of the store, a safetensors file) prints one JSON object, tensor by tensor.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from app.model import weights
from app.model.store import read


def differences(entry: Path, expected_file: Path) -> dict[str, float]:
    """The largest difference of every tensor that the reference computed."""
    model, expected = weights.load(read(entry)), load_file(expected_file)
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
    print(json.dumps(differences(Path(sys.argv[1]), Path(sys.argv[2]))))
