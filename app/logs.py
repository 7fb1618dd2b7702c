"""One JSON line per station, on standard output; secrets and personal data never reach one.

Our own lines have a fixed word as ``event`` and values as fields. Lines of libraries (RQ, uvicorn)
leave by the same door, after the same stamps; ours go straight to it, since the way through
``logging`` costs three times as much. ``LOG_FORMAT=console`` is for people.
"""

import asyncio
import atexit
import json
import logging
import re
import sys
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

NOISY = ("httpx2", "httpcore2", "openai", "urllib3", "uvicorn.access")
"""Loggers that print whole URLs or a line for each request: only their warnings."""


class _Door:
    """Where our own lines leave; loggers that are in use follow when ``stream`` is changed.

    On an event loop, lines up to ``info`` leave together when its present round is over: a write
    for each costs as much as making the line. A warning, and a line from anywhere else, leaves at
    once and takes along what waits.
    """

    def __init__(self) -> None:
        self.stream: TextIO = sys.stdout
        self._waiting: deque[str] = deque()
        self._flushed_by: asyncio.AbstractEventLoop | None = None
        atexit.register(self.flush)

    def write_soon(self, line: str) -> None:
        self._waiting.append(line)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        if loop is not self._flushed_by:  # another one may have ended before it came to it
            self._flushed_by = loop
            loop.call_soon(self.flush)

    def write(self, line: str) -> None:
        self._waiting.append(line)
        self.flush()

    debug = info = write_soon
    warning = error = critical = exception = write

    def flush(self) -> None:
        self._flushed_by = None
        lines = []
        with suppress(IndexError):  # another thread may be taking them as well
            while True:
                lines.append(self._waiting.popleft())
        if lines:
            # One write: lines of two threads must not mix.
            self.stream.write("\n".join([*lines, ""]))
            self.stream.flush()


_door = _Door()
_processors: list[Processor] = []  # changed in place, for the loggers that are in use


def set_up_logs(level: str, form: str, *, stream: TextIO | None = None) -> None:
    """Route every logger of this process to ``stream`` (standard output). The last call wins.

    Args:
        level: ``debug``, ``info``, ``warning`` or ``error``.
        form: ``json`` or ``console``.
    """
    stamps: list[Processor] = [structlog.contextvars.merge_contextvars, _stamp]
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
            foreign_pre_chain=[*stamps, _without_reprs],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("rq.worker").setLevel(logging.NOTSET)  # RQ's import has set it to INFO
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _stamp(_: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Level, time and, of an exception, what may be told."""
    event["level"] = "error" if method == "exception" else method
    event["timestamp"] = datetime.now(UTC)  # written out by the renderer
    return _plain_exception(event) if "exc_info" in event else event


def _json(_: WrappedLogger, __: str, event: EventDict) -> str:
    try:
        return orjson.dumps(event, default=str, option=orjson.OPT_UTC_Z).decode()
    except TypeError:  # half a surrogate pair, or a number past 64 bits: the line must not be lost
        return json.dumps(event, default=str)


def _without_reprs(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """What asyncio says up to where it shows the objects at hand: those quote what came in."""
    if event["_record"].name == "asyncio":
        event["event"] = re.split(r"[\n(<]", str(event["event"]))[0].rstrip()
    return event


def _plain_exception(event: EventDict) -> EventDict:
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
