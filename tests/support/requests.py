"""Requests with every field but the interesting one filled in."""

import math
from typing import Any

from app.engine.request import Outcome, Request
from app.engine.scheduler import Entry

FIELDS: dict[str, Any] = {"halt": "verified", "max_steps": 16, "attempts": 1, "deadline": math.inf, "cells": b"", "trace": False}


def ask(identity: str, **fields: Any) -> Request:
    return Request(id=identity, **{**FIELDS, **fields})


def queued(identity: str, **fields: Any) -> Entry:
    """What a scheduler has of such a request."""
    return Entry(ask(identity, **fields))


def outcome(request: Request, cells: bytes, **fields: Any) -> Outcome:
    """An outcome that says the answer is right, after three steps of one attempt."""
    usual = {"verified": True, "steps": 3, "attempts": 1, "halt_reason": "verified", "halt_probability": 0.9, "queue_seconds": 0.0, "solve_seconds": 0.0}
    return Outcome(id=request.id, cells=cells, **{**usual, **fields})
