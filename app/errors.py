"""The one error tree. Each class knows the HTTP status, problem type and title it becomes; knows no framework.

TRMError
├── InvalidRequest 422      the body, the grid or an option is wrong; `fields` says where
│   └── InvalidPuzzle · KeyReused
├── BodyNotJSON 400 · UnsupportedMediaType 415 · BodyTooLarge 413
├── Unauthorized 401        API keys are asked for, and there is none
├── Forbidden 403           the API key is not known
├── RateLimited 429         this client is over its rate; try again after `retry_after` seconds
├── QuotaExceeded 429       this client has as much open as it may have
├── NotFound 404            no such route, model, puzzle id or job
│   └── UnknownModel · UnknownPuzzle · UnknownJob
├── Unavailable 503         try again after `retry_after` seconds
│   ├── QueueFull · Draining · NoWorker · WorkerLost · StepFailed · JobsUnavailable
├── DeadlineExceeded 504    the deadline passed while the puzzle still waited
└── InvalidModel 500        a model folder, config or checkpoint is not usable (never a client's fault)
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pydantic import ValidationError


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing to mend: an RFC 6901 pointer into the body and a sentence."""

    pointer: str
    detail: str


def mistakes(error: "ValidationError", prefix: str = "") -> str:
    """What pydantic found wrong, as one sentence: `field: what; field: what`."""
    return "; ".join(f"{prefix}{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())


def shown(value: object) -> str:
    """A wrong value as a message may quote it: short, and nothing nested."""
    if isinstance(value, list | dict):
        return "an array" if isinstance(value, list) else "an object"
    text = repr(value) if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."


def listed(names: Iterable[object], most: int = 12) -> str:
    """Names of somebody else's as a message may list them: in order, each printable and short, and not too many."""
    told = sorted(text if (text := str(name)).isprintable() and len(text) <= 120 else shown(text) for name in names)
    return ", ".join(told[:most]) + (f" and {len(told) - most} more" if len(told) > most else "")


class TRMError(Exception):
    """Base of every error this service raises on purpose."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"
    retry_after: int | None = None

    def __init__(self, detail: str, *, fields: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = fields


class InvalidRequest(TRMError):
    status, type, title = 422, "invalid-request", "The request is not valid"


class InvalidPuzzle(InvalidRequest):
    type, title = "invalid-puzzle", "The puzzle is not valid"

    def at(self, pointer: str) -> "InvalidPuzzle":
        """The same error, its fields found below `pointer`."""
        return InvalidPuzzle(self.detail, fields=tuple(FieldError(pointer + field.pointer, field.detail) for field in self.fields))


class KeyReused(InvalidRequest):
    type, title = "idempotency-key-reused", "The idempotency key belongs to another job"


class BodyNotJSON(TRMError):
    status, type, title = 400, "not-json", "The body is not JSON"


class BodyTooLarge(TRMError):
    status, type, title = 413, "body-too-large", "The body is too large"


class UnsupportedMediaType(TRMError):
    status, type, title = 415, "unsupported-media-type", "The media type is not supported"


class Unauthorized(TRMError):
    status, type, title = 401, "unauthorized", "An API key is needed"


class Forbidden(TRMError):
    status, type, title = 403, "forbidden", "The API key is not allowed"


class RateLimited(TRMError):
    status, type, title = 429, "rate-limited", "The client is over its rate"

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class NotFound(TRMError):
    status, type, title = 404, "not-found", "Not found"


class UnknownModel(NotFound):
    type, title = "unknown-model", "The model is not served here"


class UnknownPuzzle(NotFound):
    type, title = "unknown-puzzle", "The model was not trained on the puzzle"


class UnknownJob(NotFound):
    type, title = "unknown-job", "There is no such job"


class QuotaExceeded(TRMError):
    status, type, title = 429, "quota-exceeded", "The client's quota of jobs is used up"
    retry_after = 60


class Unavailable(TRMError):
    """Try again later; `retry_after` is in whole seconds."""

    status, type, title = 503, "unavailable", "The service cannot take this puzzle now"

    def __init__(self, detail: str, *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = max(1, retry_after)


class QueueFull(Unavailable):
    type, title = "queue-full", "The queue is full"


class Draining(Unavailable):
    type, title = "draining", "The service is shutting down"


class NoWorker(Unavailable):
    type, title = "no-worker", "No worker is ready"


class WorkerLost(Unavailable):
    type, title = "worker-lost", "The workers that tried this puzzle died"


class StepFailed(Unavailable):
    type, title = "step-failed", "The model failed on this puzzle"


class JobsUnavailable(Unavailable):
    type, title = "jobs-unavailable", "Jobs cannot be handled now"


class DeadlineExceeded(TRMError):
    status, type, title = 504, "deadline-exceeded", "The deadline passed while the puzzle was waiting"


class InvalidModel(TRMError):
    type, title = "invalid-model", "The model is not usable"
