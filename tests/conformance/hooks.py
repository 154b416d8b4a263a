"""What schemathesis must be told: how a body of one puzzle a line is written."""

import json
from typing import Any

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def ndjson(_: Any, value: Any) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in (value if isinstance(value, list) else [value]))
