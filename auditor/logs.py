"""Log lines go to stderr; stdout belongs to the result."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog

LogFormat = Literal["text", "json"]


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
            as_line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Whatever stderr is when a line is written: a caller in the same process may have replaced and closed it.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
