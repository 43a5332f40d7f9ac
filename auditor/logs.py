"""Log lines go to stderr; stdout belongs to the result."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

from auditor.printable import printable_all

LogFormat = Literal["text", "json"]


def _printable(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: printable_all(said) for name, said in event.items()}


def configure(verbosity: int, log_format: LogFormat) -> None:
    """Warnings by default, what is being done with -v, each request with -vv."""
    level = {0: logging.WARNING, 1: logging.INFO}.get(verbosity, logging.DEBUG)
    as_line: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _printable,
            as_line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Whatever stderr is when a line is written: a caller in the same process may have replaced and closed it.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
