"""The reference's configs as ours: which fields are taken, which are refused, and which puzzles a model is said to read."""

import json
from pathlib import Path

import pytest

from app.errors import InvalidModel
from app.model.config import TRMConfig
from app.model.reference import config_of, grid_of

ARCH = """
arch:
  name: recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1
  loss: {name: losses@ACTLossHead, loss_type: stablemax_cross_entropy}
  H_cycles: 3
  L_cycles: 4
  H_layers: 0
  L_layers: 2
  expansion: 4
  forward_dtype: bfloat16
  halt_max_steps: 16
  halt_exploration_prob: 0.1
  hidden_size: 512
  mlp_t: false
  no_ACT_continue: true
  num_heads: 8
  pos_encodings: rope
  puzzle_emb_ndim: 512
epochs: 100000
"""
SIZES = {"vocab_size": 12, "seq_len": 900, "num_puzzle_identifiers": 876406, "pad_id": 0, "sets": ["all"]}


def read(folder: Path, arch: str = ARCH, sizes: object = SIZES) -> TRMConfig:
    (folder / "all_config.yaml").write_text(arch, encoding="latin-1")
    (folder / "dataset.json").write_text(sizes if isinstance(sizes, str) else json.dumps(sizes))
    return config_of(folder / "all_config.yaml", folder / "dataset.json")


def refusal(folder: Path, file: str, **content) -> str:
    """What is said against the file."""
    with pytest.raises(InvalidModel) as caught:
        read(folder, **content)
    assert caught.value.detail.startswith(str(folder / file))
    assert "\n" not in caught.value.detail
    return caught.value.detail


def test_the_official_arc_config_is_understood(tmp_path) -> None:
    config = read(tmp_path)
    assert (config.mixer, config.pos_encodings, config.H_cycles, config.L_cycles, config.num_puzzle_identifiers) == ("attention", "rope", 3, 4, 876406)
    assert (config.prefix_len, config.positions) == (16, 916), "puzzle_emb_len is 16 where it is left out"
    assert config.swiglu_size(512) == 1536
    assert grid_of(config).model_dump() == {"family": "arc", "height": 30, "width": 30}


def test_the_token_mixing_mlp_is_a_mixer(tmp_path) -> None:
    assert read(tmp_path, ARCH.replace("mlp_t: false", "mlp_t: true")).mixer == "mlp"


@pytest.mark.parametrize("text", ["1e-6", "1.0e-06", "0.000001"])
def test_a_number_may_be_written_in_any_way(tmp_path, text) -> None:
    assert read(tmp_path, ARCH.replace("mlp_t:", f"rms_norm_eps: {text}\n  mlp_t:")).rms_norm_eps == 1e-6


FIELDS = ["hidden_size", "num_heads", "expansion", "L_layers", "H_cycles", "L_cycles", "halt_max_steps", "pos_encodings"]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", ["many", "null", "true", "[1]", "-1", "{}"])
def test_a_wrong_value_is_refused_by_its_field(tmp_path, field, value) -> None:
    line = next(line for line in ARCH.splitlines() if line.startswith(f"  {field}:"))
    assert field in refusal(tmp_path, "all_config.yaml", arch=ARCH.replace(line, f"  {field}: {value}"))


@pytest.mark.parametrize("field", FIELDS)
def test_a_missing_field_is_named(tmp_path, field) -> None:
    line = next(line for line in ARCH.splitlines() if line.startswith(f"  {field}:"))
    assert refusal(tmp_path, "all_config.yaml", arch=ARCH.replace(line + "\n", "")).endswith(f"arch has no {field}")


@pytest.mark.parametrize("field", ["causal", "mixer", "box_shape", "swiglu_multiple", "q_head_input", "vocab_size", "enable_memory", "7"])
def test_an_unknown_field_is_refused_by_name(tmp_path, field) -> None:
    assert refusal(tmp_path, "all_config.yaml", arch=ARCH.replace("  mlp_t:", f"  {field}: 1\n  mlp_t:")).endswith(f"not known here: {field}")


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ("no_ACT_continue: true", "no_ACT_continue: false", "q_continue"),
        ("no_ACT_continue: true", "no_ACT_continue: 1", "no_ACT_continue"),
        ("mlp_t: false", "mlp_t: perhaps", "mlp_t"),
        ("trm@Tiny", "trm_singlez@Tiny", "trm_singlez"),
        ("recursive_reasoning.trm@", "recursive_reasoning.hrm@", "hrm"),
        ("puzzle_emb_ndim: 512", "puzzle_emb_ndim: ${.hidden_size}", "puzzle_emb_ndim"),
        ("num_heads: 8", "num_heads: 512", "rope"),
        ("arch:", "architecture:", "no section arch"),
    ],
)
def test_another_network_is_refused_with_the_reason(tmp_path, before, after, word) -> None:
    assert word in refusal(tmp_path, "all_config.yaml", arch=ARCH.replace(before, after))


@pytest.mark.parametrize("text", ["", "arch", "arch: 5", "arch: [", "a: b: c", "!!python/object/apply:os.getcwd []", "\x00", "\xff", "[" * 5000])
def test_what_is_no_such_yaml_is_refused(tmp_path, text) -> None:
    refusal(tmp_path, "all_config.yaml", arch=text)


@pytest.mark.parametrize("sizes", ["", "{", "[]", "null", "[" * 100_000, *({**SIZES, "seq_len": value} for value in (None, "900", 900.0, True, 0, -900))])
def test_what_is_no_such_data_set_is_refused(tmp_path, sizes) -> None:
    said = refusal(tmp_path, "dataset.json", sizes=sizes)
    assert isinstance(sizes, str) or "seq_len" in said


@pytest.mark.parametrize("field", ["vocab_size", "seq_len", "num_puzzle_identifiers"])
def test_a_size_that_is_missing_is_named(tmp_path, field) -> None:
    assert field in refusal(tmp_path, "dataset.json", sizes={name: value for name, value in SIZES.items() if name != field})


@pytest.mark.parametrize(("tokens", "cells", "family"), [(11, 16, "sudoku"), (11, 36, "sudoku"), (11, 81, "sudoku"), (6, 900, "maze"), (6, 100, "maze")])
def test_tokens_and_cells_tell_the_family(tmp_path, tokens, cells, family) -> None:
    grid = grid_of(read(tmp_path, sizes=SIZES | {"vocab_size": tokens, "seq_len": cells}))
    assert (grid.family, grid.height * grid.width, grid.height) == (family, cells, grid.width)


@pytest.mark.parametrize(("tokens", "cells"), [(11, 80), (11, 25), (11, 900), (6, 90), (6, 1), (6, 65 * 65), (12, 90), (12, 31 * 31), (10, 81), (5, 5)])
def test_puzzles_of_no_family_are_refused_by_their_sizes(tmp_path, tokens, cells) -> None:
    with pytest.raises(InvalidModel, match=f"vocab_size {tokens} and seq_len {cells}"):
        grid_of(read(tmp_path, sizes=SIZES | {"vocab_size": tokens, "seq_len": cells}))
