"""Tensors of the Open Inference Protocol: what is written can be read, in JSON and in binary, and what cannot be read is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.tensors import NUMBERS, Tensor, read, written
from app.errors import InvalidRequest

KINDS = {"BYTES": st.text(max_size=5).filter(lambda text: text.isprintable()), "BOOL": st.booleans(), "FP32": st.floats(width=32, allow_nan=False)}
KINDS |= {kind: st.integers(0, 127) for kind in NUMBERS if "INT" in kind}


@st.composite
def tensors(draw: Any) -> Tensor:
    kind, shape = draw(st.sampled_from(sorted(KINDS))), (draw(st.integers(0, 3)), draw(st.integers(1, 3)))
    return Tensor(draw(st.sampled_from("abc")), kind, shape, draw(st.lists(KINDS[kind], min_size=shape[0] * shape[1], max_size=shape[0] * shape[1])))


def request(*parts: tuple[dict[str, object], bytes]) -> tuple[bytes, str]:
    head = json.dumps({"inputs": [head for head, _ in parts]}).encode()
    return head + b"".join(data for _, data in parts), str(len(head))


@given(st.lists(st.tuples(tensors(), st.booleans()), min_size=1, max_size=3, unique_by=lambda pair: pair[0].name))
def test_what_is_written_is_read_again(pairs) -> None:
    body, length = request(*(written(tensor, binary=binary) for tensor, binary in pairs))
    _, found = read(body, length)
    assert list(found.values()) == [tensor for tensor, _ in pairs]


ONE = {"name": "a", "datatype": "INT32", "shape": [1]}


@pytest.mark.parametrize(
    ("inputs", "data", "words"),
    [
        ([], b"", "inputs"),
        ([{**ONE, "data": [1], "parameters": {"binary_data_size": 4}}], b"1234", "either"),
        ([ONE], b"", "either"),
        ([{**ONE, "data": [True]}], b"", "INT32"),
        ([{**ONE, "data": ["1"]}], b"", "INT32"),
        ([{**ONE, "data": [1, 2]}], b"", "2 elements"),
        ([{**ONE, "data": [1]}], b"more", "0 bytes of binary data, and there are 4"),
        ([{**ONE, "parameters": {"binary_data_size": 3}}], b"123", "3 bytes"),
        ([{**ONE, "parameters": {"binary_data_size": 9}}], b"1234", "no INT32|9 bytes"),
        ([{**ONE, "datatype": "BYTES", "parameters": {"binary_data_size": 2}}], b"12", "within an element"),
        ([{**ONE, "datatype": "BYTES", "parameters": {"binary_data_size": 5}}], b"\x01\x00\x00\x00\xff", "UTF-8"),
        ([{**ONE, "datatype": "BYTES", "parameters": {"binary_data_size": 4}}], b"\xff\xff\xff\x7f", "within an element"),
        ([{**ONE, "datatype": "COMPLEX", "data": [1]}], b"", "datatype"),
        ([{**ONE, "shape": [-1], "data": []}], b"", "shape"),
        ([{**ONE, "shape": [1] * 9, "data": [1]}], b"", "shape"),
        ([{**ONE, "data": [1], "extra": 1}], b"", "extra"),
        ([{**ONE, "data": [1], "parameters": {"extra": 1}}], b"", "extra"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(inputs, data, words) -> None:
    head = json.dumps({"inputs": inputs}).encode()
    with pytest.raises(InvalidRequest, match=words):
        read(head + data, str(len(head)))


@pytest.mark.parametrize("length", ["", "-1", "1e3", "99", "²", "9" * 5000])
def test_so_is_a_header_length_that_is_none(length) -> None:
    with pytest.raises(InvalidRequest, match="Inference-Header-Content-Length"):
        read(b"{}", length)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 5000, b'{"inputs":' + b"[" * 5000 + b"]" * 5000 + b"}"], ids=range(5))
def test_so_is_what_is_no_json(body) -> None:
    with pytest.raises(InvalidRequest):
        read(body, None)
