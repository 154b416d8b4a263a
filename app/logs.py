"""The log: one JSON object a line on stderr, the access log among it, so that it must cost little. Knows no events.

A library for this takes twice as long to write a line, of which there is one for each request.
"""

import json
import logging
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Of the request that is being answered; on every line that is written meanwhile."""
ACCESS = logging.getLogger("trm.access")
USUAL = {*vars(logging.makeLogRecord({})), "message", "asctime", "color_message"}
"""What every record has, and what uvicorn adds for terminals."""


class Record(logging.LogRecord):
    """What a line tells of an event. In which thread and process it happened, and in which function, is not asked: it would take half as long again."""

    exc_text = stack_info = thread = threadName = process = processName = None
    filename = module = funcName = ""
    msecs = relativeCreated = 0.0

    def __init__(self, name: str, level: int, pathname: str, lineno: int, msg: object, args: Any, exc_info: Any, *_: object) -> None:
        self.name, self.levelno, self.levelname, self.pathname, self.lineno = name, level, logging.getLevelName(level), pathname, lineno
        named = args and len(args) == 1 and isinstance(args[0], Mapping) and args[0]  # as the library has it, for messages that name what they show
        self.msg, self.args, self.exc_info, self.created = msg, named or args, exc_info, time.time()


class JsonLines(logging.Formatter):
    """Level, name and message; then what is extra, the request's id, a traceback, and the time."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        line: dict[str, object] = {"level": record.levelname, "name": record.name, "message": record.getMessage()}
        line |= {name: value for name, value in vars(record).items() if name not in USUAL}
        if record.exc_info:
            line["exc_info"] = self.formatException(record.exc_info)
        return _written(line, datetime.fromtimestamp(record.created, UTC))


def access(**about: object) -> None:
    """Write a line of the access log, as an INFO of `trm.access`. The library's way to its handlers takes three times as long, for every request."""
    if ACCESS.isEnabledFor(logging.INFO):
        with suppress(OSError, ValueError):  # nobody reads the log any more, which is no reason to answer nobody; the library does as much
            sys.stderr.write(_written({"level": "INFO", "name": ACCESS.name, "message": "request", **about}, datetime.now(UTC)) + "\n")


def _written(line: dict[str, object], time: datetime) -> str:
    """As JSON. What JSON does not know is written as pydantic or else `str` writes it."""
    if identity := request_id.get():
        line["request_id"] = identity
    line["time"] = time.isoformat()
    try:
        return to_json(line, fallback=str, inf_nan_mode="strings").decode()
    except ValueError:  # a half of a surrogate pair, which only escapes can write
        return json.dumps(line, default=str)


def configure_logging(level: str) -> None:
    """Log from this level on."""
    logging._srcfile = None  # the documented way not to look for who logs
    logging.setLogRecordFactory(Record)
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # a start that fails has said why in one line; uvicorn would add the traceback of its own lifespan
    logging.getLogger("uvicorn.error").addFilter(lambda record: not record.getMessage().startswith("Traceback"))
