"""A large puzzle embedding passes through in pieces: importing it takes far less memory than it has."""

import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from app.model.store import WEIGHTS
from tests.support.checkpoints import ARCH, put_checkpoint, put_configs

ROWS, WIDTH = 400_000, 96
PROGRAM = "import sys; from app.cli import main; assert main(sys.argv[1:]) == 0; print(open('/proc/self/status').read())"


def peak(run: Path) -> int:
    """The most memory, in bytes, that an import had resident. Not `ru_maxrss`: a process inherits that of the one that started it."""
    command = [sys.executable, "-c", PROGRAM, "import", str(run), "--store", str(run.parent / "store"), "--name", run.name]
    status = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def test_a_large_puzzle_embedding_is_never_held_whole(tmp_path: Path) -> None:
    width, sizes = {"puzzle_emb_ndim": WIDTH, "puzzle_emb_len": 4}, {"vocab_size": 12, "seq_len": 900}
    model = put_checkpoint(tmp_path / "small", num_puzzle_identifiers=2, **width, **sizes)
    rows = torch.arange(ROWS * WIDTH, dtype=torch.float32).view(ROWS, WIDTH)
    put_configs(tmp_path / "large", ARCH | width, sizes | {"num_puzzle_identifiers": ROWS})
    torch.save(model.state_dict() | {"puzzle_emb.weights": rows}, tmp_path / "large" / "step_1")
    assert peak(tmp_path / "large") - peak(tmp_path / "small") < rows.nbytes / 2
    assert torch.equal(load_file(tmp_path / "store" / "large" / WEIGHTS)["puzzle_emb.weights"], rows)
