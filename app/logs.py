"""One JSON line per station, on standard output; secrets and personal data never reach one.

Our own lines have a fixed word as ``event`` and values as fields. Lines of libraries (RQ, uvicorn)
come through the same door. ``LOG_FORMAT=console`` is for people.
"""

import logging
import sys
from typing import TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

NOISY = ("httpx2", "httpcore2", "openai", "uvicorn.access")
"""Loggers that print whole URLs or a line for each request: only their warnings."""


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
    structlog.configure(
        processors=[*stamps, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=(stream or sys.stdout).isatty())
        if form == "console"
        else structlog.processors.JSONRenderer(serializer=_json)
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=stamps,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _json(event: EventDict, **_: object) -> str:
    return orjson.dumps(event, default=str).decode()


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
