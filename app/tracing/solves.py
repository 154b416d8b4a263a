"""How a solve looks in a trace: a span for it, in that its way through cache, queue and attempts, with the steps as events. Knows no tracing library.

What a worker did is told by the outcome, with times on the clock that all processes of a machine share; so a worker traces nothing itself.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby

from app.engine.request import Outcome
from app.errors import TRMError
from app.preparing import Prepared
from app.tracing.base import Attributes, Event, Span, Tracer


@contextmanager
def solving(tracer: Tracer, prepared: Prepared) -> Iterator[Span]:
    """The span of one puzzle, which is one of many in a batch."""
    puzzle, request = prepared.puzzle, prepared.request
    asked: Attributes = {
        "trm.model": prepared.entry.name,
        "trm.type": puzzle.family,
        "trm.size": f"{puzzle.height}x{puzzle.width}",
        "trm.halt": request.halt,
        "trm.bulk": request.bulk,
    }
    with tracer.span("solve", asked) as span:
        try:
            yield span
        except TRMError as error:
            span.fail(error.type)
            raise
        except asyncio.CancelledError:
            span.fail("abandoned")
            raise


def looked_up(tracer: Tracer, started: float, *, found: bool) -> None:
    """The cache has been asked."""
    tracer.interval("cache", started, time.monotonic(), {"trm.found": found})


def joined(tracer: Tracer, started: float, origin: object) -> None:
    """An equal puzzle in flight has been waited for, whose steps are in the trace of the one who sent it."""
    tracer.interval("coalesced", started, time.monotonic(), {}, origin=origin)


def ran(tracer: Tracer, started: float, result: Outcome | None, outcome: str) -> None:
    """The pool has answered to what it was given at `started`, with a result or an error."""
    if result is None:
        tracer.interval("queue", started, time.monotonic(), {}, error=outcome)
        return
    if not result.timeline:  # of a puzzle whose first sender's trace is not kept
        return
    tracer.interval("queue", started, result.timeline[0].ended - result.timeline[0].seconds, {})
    for attempt, group in groupby(result.timeline, key=lambda step: step.attempt):
        steps = list(group)
        events = [
            Event("step", each.ended, {"trm.step": each.step, "trm.batch_size": each.batch_size, "trm.halt_probability": each.halt_probability})
            for each in steps
        ]
        tracer.interval("attempt", steps[0].ended - steps[0].seconds, steps[-1].ended, {"trm.attempt": attempt, "trm.steps": len(steps)}, events)
