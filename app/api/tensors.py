"""Tensors of the Open Inference Protocol v2 and their bytes: JSON data, and the binary tensor data extension. Knows no puzzles and no HTTP.

A body is a JSON header, followed by the data of those tensors whose `binary_data_size` says so, in their order; numbers little-endian, row-major, each
element of BYTES after its length in four bytes.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError

from app.errors import InvalidRequest, mistakes

Datatype = Literal["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES"]
NUMBERS = {"BOOL": "?", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8"}
NUMBERS |= {f"{sign}INT{8 * size}": f"<{'u' if sign else 'i'}{size}" for size in (1, 2, 4, 8) for sign in ("", "U")}
"""numpy's name of every datatype but BYTES."""
LENGTH = struct.Struct("<I")
MOST_DIMENSIONS = 4
Size = Annotated[StrictInt, Field(ge=0, le=1_000_000)]
Parameters = dict[str, StrictBool | StrictInt | float | StrictStr]


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor; `values` are its elements in row-major order, text where they are BYTES."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    values: Sequence[Any]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class InputIn(_Strict):
    """A tensor of a request."""

    name: str
    datatype: Datatype
    shape: Annotated[list[Size], Field(max_length=MOST_DIMENSIONS)]
    parameters: Annotated[dict[Literal["binary_data_size"], Size], Field(default_factory=dict)]
    data: Annotated[list[Any] | None, Field(description="The elements, flat or nested.")] = None


class OutputIn(_Strict):
    """An output that is asked for, and whether in binary form."""

    name: str
    parameters: Annotated[dict[Literal["binary_data"], StrictBool], Field(default_factory=dict)]


class InferIn(_Strict):
    """The JSON header of a request."""

    id: str | None = None
    parameters: Annotated[Parameters, Field(default_factory=dict, description="The options of /v1/solve, and `binary_data_output`.")]
    inputs: Annotated[list[InputIn], Field(min_length=1)]
    outputs: Annotated[list[OutputIn], Field(default_factory=list, description="Which outputs to return; all where there are none.")]


def read(body: bytes, header_length: str | None) -> tuple[InferIn, dict[str, Tensor]]:
    """A request and its tensors by name; `header_length` is that of the JSON where binary data follows. Raises `InvalidRequest`."""
    length = len(body) if header_length is None else _length(header_length, len(body))
    try:
        header = InferIn.model_validate_json(body[:length])
    except ValidationError as error:
        raise InvalidRequest(mistakes(error)) from error
    tensors, place = dict[str, Tensor](), length
    for given in header.inputs:
        size = given.parameters.get("binary_data_size", 0)
        tensors[given.name] = _tensor(given, body[place : place + size])
        place += size
    if place != len(body):
        raise InvalidRequest(f"the inputs announce {place - length} bytes of binary data, and there are {len(body) - length}")
    return header, tensors


def _length(text: str, most: int) -> int:
    if not text.isdecimal() or len(text) > len(str(most)) or int(text) > most:
        raise InvalidRequest(f"Inference-Header-Content-Length is not the length of a header within these {most} bytes")
    return int(text)


def _tensor(given: InputIn, binary: bytes) -> Tensor:
    count, wanted = prod(given.shape), "binary_data_size" in given.parameters
    if wanted == (given.data is not None):
        raise _wrong(given, "has either data or a binary_data_size")
    values = list(_elements(given, binary) if wanted else _flat(given.data))
    if len(values) != count:
        raise _wrong(given, f"has {len(values)} elements, and its shape {given.shape} has {count}")
    if not wanted and not all(type(value) in _types(given.datatype) for value in values):
        raise _wrong(given, f"has elements that are no {given.datatype}")
    return Tensor(given.name, given.datatype, tuple(given.shape), values)


def _types(datatype: Datatype) -> tuple[type, ...]:
    if datatype == "BYTES":
        return (str,)
    return (bool,) if datatype == "BOOL" else (int, float) if datatype.startswith("FP") else (int,)


def _flat(data: object) -> Iterator[object]:
    if isinstance(data, list):
        for each in data:
            yield from _flat(each)
    else:
        yield data


def _elements(given: InputIn, binary: bytes) -> Iterator[object]:
    """The elements of binary data."""
    if given.datatype == "BYTES":
        yield from _texts(given, binary)
        return
    kind = np.dtype(NUMBERS[given.datatype])
    if len(binary) % kind.itemsize:
        raise _wrong(given, f"has {len(binary)} bytes, which are no {given.datatype}")
    yield from np.frombuffer(binary, dtype=kind).tolist()


def _texts(given: InputIn, binary: bytes) -> Iterator[str]:
    place = 0
    while place < len(binary):
        start = place + LENGTH.size
        length = LENGTH.unpack_from(binary, place)[0] if start <= len(binary) else len(binary)
        place = start + length
        if place > len(binary):
            raise _wrong(given, "has binary data that ends within an element")
        try:
            yield binary[start:place].decode()
        except UnicodeDecodeError as error:
            raise _wrong(given, "has elements that are not UTF-8") from error


def _wrong(given: InputIn, detail: str) -> InvalidRequest:
    return InvalidRequest(f"input {given.name[:40]!r} {detail}")


def written(tensor: Tensor, *, binary: bool) -> tuple[dict[str, object], bytes]:
    """A tensor of a response: its part of the JSON header, and its binary data, if it is to be binary."""
    head: dict[str, object] = {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}
    if not binary:
        return {**head, "data": list(tensor.values)}, b""
    if tensor.datatype == "BYTES":
        encoded = [str(value).encode() for value in tensor.values]
        data = b"".join(LENGTH.pack(len(each)) + each for each in encoded)
    else:
        data = np.array(tensor.values, dtype=NUMBERS[tensor.datatype]).tobytes()
    return {**head, "parameters": {"binary_data_size": len(data)}}, data


def wanted(header: InferIn, outputs: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """The names of the outputs that a request asks for, and whether in binary form. Raises `InvalidRequest` for one that there is not."""
    usual = header.parameters.get("binary_data_output") is True
    if not header.outputs:
        yield from ((name, usual) for name in outputs)
    for asked in header.outputs:
        if asked.name not in outputs:
            raise InvalidRequest(f"there is no output {asked.name[:40]!r}; there are: {', '.join(outputs)}")
        yield asked.name, asked.parameters.get("binary_data", usual)
