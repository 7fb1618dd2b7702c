"""One JSON line per station, on standard output; secrets and personal data never reach one.

Our own lines have a fixed word as ``event`` and values as fields. Lines of libraries (RQ, uvicorn)
leave by the same door, after the same stamps; ours go straight to it, since the way through
``logging`` costs three times as much. ``LOG_FORMAT=console`` is for people.
"""

import json
import logging
import sys
from typing import TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

NOISY = ("httpx2", "httpcore2", "openai", "uvicorn.access")
"""Loggers that print whole URLs or a line for each request: only their warnings."""


class _Door:
    """Where our own lines leave; loggers that are in use follow when ``stream`` is changed."""

    def __init__(self) -> None:
        self.stream: TextIO = sys.stdout

    def write(self, line: str) -> None:
        # One write for a line: lines of two threads must not mix.
        self.stream.write(f"{line}\n")
        self.stream.flush()

    debug = info = warning = error = critical = exception = write


_door = _Door()
_processors: list[Processor] = []  # changed in place, for the loggers that are in use


def set_up_logs(level: str, form: str, *, stream: TextIO | None = None) -> None:
    """Route every logger of this process to ``stream`` (standard output). The last call wins.

    Args:
        level: ``debug``, ``info``, ``warning`` or ``error``.
        form: ``json`` or ``console``.
    """
    stamps: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _plain_exception,
    ]
    out = stream or sys.stdout
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=out.isatty()) if form == "console" else _json
    )
    _door.stream = out
    _processors[:] = [*stamps, renderer]
    structlog.configure(
        processors=_processors,
        logger_factory=lambda *_: _door,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=stamps,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("rq.worker").setLevel(logging.NOTSET)  # RQ's import has set it to INFO
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _json(_: WrappedLogger, __: str, event: EventDict) -> str:
    try:
        return orjson.dumps(event, default=str).decode()
    except TypeError:  # half a surrogate pair, or a number past 64 bits: the line must not be lost
        return json.dumps(event, default=str)


def _plain_exception(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The traceback's places without its values: an exception's text may quote what came in."""
    exc_info = event.pop("exc_info", None)
    if exc_info is True:
        exc_info = sys.exc_info()
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if isinstance(error, BaseException):
        event["error_type"] = type(error).__name__
        places = []
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            places.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
            trace = trace.tb_next
        event["error_at"] = places[-6:]
    return event
