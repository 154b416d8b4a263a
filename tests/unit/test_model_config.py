"""The architecture as a value: what it refuses, what it derives, and its JSON."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidModel
from app.model.config import TRMConfig
from tests.support.stores import tiny

PLAIN = {"vocab_size": 11, "seq_len": 81, "hidden_size": 64, "num_heads": 4, "mixer": "attention"}


@given(st.sampled_from([4, 6, 9]), st.integers(1, 8), st.integers(1, 4), st.floats(0.5, 8), st.sampled_from(["first", "mean"]))
def test_a_config_comes_back_from_json(side, cycles, threes, expansion, head) -> None:
    config = tiny(side, num_heads=3 * threes, hidden_size=24 * threes, H_cycles=cycles, expansion=expansion, q_head_input=head)
    assert TRMConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_what_is_left_out_is_what_the_reference_does() -> None:
    config = TRMConfig.from_json(PLAIN)
    assert (config.L_layers, config.H_cycles, config.L_cycles, config.halt_max_steps) == (2, 3, 6, 16)
    assert (config.expansion, config.swiglu_multiple, config.q_head_input, config.pos_encodings) == (4.0, 256, "first", "none")


@pytest.mark.parametrize("field", ["vocab_size", "seq_len", "hidden_size", "num_heads", "L_layers", "H_cycles", "L_cycles", "halt_max_steps"])
@pytest.mark.parametrize("value", [0, -1])
def test_a_count_below_one_is_refused_by_name(field, value) -> None:
    with pytest.raises(InvalidModel, match=f"config: {field}: "):
        TRMConfig.from_json({**PLAIN, field: value})


@pytest.mark.parametrize("field", ["mixer", "pos_encodings", "q_head_input"])
@pytest.mark.parametrize("value", ["magic", None, 3, []])
def test_a_choice_that_there_is_not_is_refused_by_name(field, value) -> None:
    with pytest.raises(InvalidModel, match=f"config: {field}: "):
        TRMConfig.from_json({**PLAIN, field: value})


def test_every_wrong_field_is_named_at_once() -> None:
    with pytest.raises(InvalidModel) as caught:
        TRMConfig.from_json({**PLAIN, "shape": 1, "colour": 2, "H_cycles": 0})
    assert all(f"{field}: " in caught.value.detail for field in ("shape", "colour", "H_cycles"))


@pytest.mark.parametrize("field", list(PLAIN))
def test_a_missing_field_is_refused_by_name(field) -> None:
    with pytest.raises(InvalidModel, match=field):
        TRMConfig.from_json({name: value for name, value in PLAIN.items() if name != field})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hidden_size", "64"),
        ("L_cycles", None),
        ("H_cycles", 1.0),
        ("L_layers", True),
        ("rope_theta", "high"),
        ("expansion", None),
        ("expansion", 0),
        ("rms_norm_eps", float("nan")),
        ("box_shape", 5),
        ("box_shape", [3]),
        ("box_shape", [-3, -3]),
        ("box_shape", "33"),
        ("puzzle_emb_ndim", -1),
        ("halt_exploration_prob", 1.5),
    ],
)
def test_a_mistyped_field_is_refused_by_name(field, value) -> None:
    with pytest.raises(InvalidModel, match=field):
        TRMConfig.from_json({**tiny(9).to_json(), field: value})


def test_heads_must_share_the_channels_evenly() -> None:
    with pytest.raises(InvalidModel, match="hidden_size 64 is not a multiple of num_heads 5"):
        TRMConfig.from_json({**PLAIN, "num_heads": 5})


@pytest.mark.parametrize("changes", [{"box_shape": None}, {"box_shape": (2, 3)}, {"seq_len": 80}])
def test_units_need_a_square_grid_and_boxes_that_tile_it(changes) -> None:
    with pytest.raises(InvalidModel, match="mixer units needs a square grid and a box_shape"):
        replace(tiny(9), **changes)


@pytest.mark.parametrize("changes", [{"num_heads": 4}, {"puzzle_emb_ndim": 24}, {"pos_encodings": "rope"}])
def test_units_need_heads_in_threes_and_cells_only(changes) -> None:
    with pytest.raises(InvalidModel, match="mixer units needs num_heads in threes"):
        replace(tiny(9), **changes)


@pytest.mark.parametrize(("ndim", "length", "prefix"), [(0, 0, 0), (0, 16, 0), (64, 0, 1), (65, 0, 2), (64, 16, 16)])
def test_the_puzzle_embedding_takes_positions_before_the_cells(ndim, length, prefix) -> None:
    config = TRMConfig.from_json({**PLAIN, "puzzle_emb_ndim": ndim, "puzzle_emb_len": length})
    assert (config.prefix_len, config.positions) == (prefix, 81 + prefix)


@pytest.mark.parametrize(("width", "expansion", "multiple", "inner"), [(512, 4.0, 256, 1536), (96, 3.0, 64, 192), (97, 4.0, 256, 512), (24, 2.0, 8, 32)])
def test_a_swiglu_is_two_thirds_of_the_expansion_rounded_up(width, expansion, multiple, inner) -> None:
    assert replace(TRMConfig.from_json(PLAIN), expansion=expansion, swiglu_multiple=multiple).swiglu_size(width) == inner
