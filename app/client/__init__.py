"""The Python client of the service: `Client`, and `AsyncClient` with the same methods. Needs httpx and pydantic, and nothing that the server needs beyond.

`calls` makes requests and reads answers and does no IO; `sync` and `asynchronous` only send what it makes.
"""

from app.client.asynchronous import AsyncClient
from app.client.errors import Busy, ClientError, DeadlineExceeded, Invalid, NotAllowed, NotFound, Refused, TimedOut, Unexpected, Unreachable
from app.client.puzzles import Grid, JobOptions, Options, Puzzle
from app.client.results import Answer, Job, Model, Problem, Result, Step
from app.client.retries import Retries
from app.client.sync import Client

__all__ = [
    "Answer",
    "AsyncClient",
    "Busy",
    "Client",
    "ClientError",
    "DeadlineExceeded",
    "Grid",
    "Invalid",
    "Job",
    "JobOptions",
    "Model",
    "NotAllowed",
    "NotFound",
    "Options",
    "Problem",
    "Puzzle",
    "Refused",
    "Result",
    "Retries",
    "Step",
    "TimedOut",
    "Unexpected",
    "Unreachable",
]
