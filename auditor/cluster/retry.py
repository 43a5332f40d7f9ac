"""What is worth another try, and how long to wait for it.

429, 5xx, resets and time-outs pass by themselves; 401, 403, 404, 409 and 422 do not, however often one asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import structlog
import tenacity

from auditor.errors import Unavailable

T = TypeVar("T")

ATTEMPTS = 5
LONGEST_WAIT = 20.0  # seconds, whatever Retry-After says

log = structlog.get_logger()
_backoff = tenacity.wait_exponential_jitter(multiplier=0.25, max=LONGEST_WAIT, jitter=0.5)


class Transient(Unavailable):
    """A failure that may pass. `retry_after`: seconds that the server asked for, or None."""

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, Transient) else None
    if asked is None:
        return _backoff(state)
    # A little more than asked, so that clients turned away together do not come back together.
    return min(asked, LONGEST_WAIT) + _backoff(state) / 4


def _say(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.info("trying again", attempt=state.attempt_number, wait=round(state.upcoming_sleep, 2), because=str(error))


def with_retries(call: Callable[[], T], attempts: int = ATTEMPTS) -> T:
    """The call's result; the last Transient where every attempt failed."""
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Transient),
        wait=_wait,
        stop=tenacity.stop_after_attempt(attempts),
        before_sleep=_say,
        reraise=True,
    )
    return retrying(call)
