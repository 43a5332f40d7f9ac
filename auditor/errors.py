"""Everything that can end a run, as one tree. Each class owns its exit code; each message says what happened, on
which object; `hint` says what to do next. No message may hold a value from a Secret, a release or a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class PositAuditError(Exception):
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class ClusterError(PositAuditError):
    """The API server can't be used at all: no kubeconfig, unknown context, refused connection, expired credentials."""


class ApiError(PositAuditError):
    """The API server refused one request. `status` is the HTTP code, 0 where no answer came."""

    status: ClassVar[int] = 0


class Unauthorized(ApiError):
    status = 401


class Forbidden(ApiError):
    status = 403


class NotAdmitted(Forbidden):
    """Admission says no (Pod Security, a quota, a webhook, a policy): no permission would help."""


class NotFound(ApiError):
    status = 404


class Conflict(ApiError):
    """`holders`: field and manager of each conflict of a server-side apply."""

    status = 409

    def __init__(self, message: str, *, hint: str = "", holders: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.holders = holders


class Gone(ApiError):
    """What was asked for is too old to be had any more, such as the rest of a list."""

    status = 410


class Invalid(ApiError):
    status = 422


class Unavailable(ApiError):
    """429, 5xx, resets and time-outs that went on after the last retry."""

    status = 503


class PlanRefused(PositAuditError):
    """The plan can't be applied: a dry-run or a guard said no. Nothing was changed."""


class HelmError(PositAuditError):
    """Helm is missing, refused, or failed."""


class ChartNotFound(HelmError):
    """No `--chart` source holds the chart version that the plan needs."""


class ChartNotKnown(HelmError, PlanRefused):
    """What `--chart` names has another digest than any that the catalog knows for its name and version."""


class UnreadableRelease(PositAuditError):
    """A Helm release Secret that doesn't decode."""


class UnreadableValues(PositAuditError):
    """A values document that can't be read, mostly not by Helm either; the message has its place where known."""


class UnreadableFile(PositAuditError):
    """A plan, journal or catalog file that isn't one of ours, or not of this version."""


class UnwritableFile(PositAuditError):
    """A file that was to be replaced can't be; it is as it was."""


class UnwritableJournal(PositAuditError):
    """What is about to be done, or was done, can't be written down."""


class StepsRefused(PlanRefused):
    """What the rehearsal of a whole plan found against it. `steps`: the ids of the steps that would be refused."""

    def __init__(self, message: str, *, steps: tuple[str, ...], hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.steps = steps


class PlanIsStale(PlanRefused):
    """An object is no longer what the plan was made for. Nothing was changed on it."""


class HelmBusy(HelmError, PlanRefused):
    """Helm gave way to another one that is at work on the release. Nothing was changed."""


class ActionFailed(PositAuditError):
    """A change was begun and did not reach its end. The journal tells how far it came, with `details`."""

    def __init__(self, message: str, *, hint: str = "", details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, hint=hint)
        self.details = details or {}


class Interrupted(PositAuditError):
    """Ctrl-C, SIGTERM or SIGHUP while something was being changed. 128 + SIGINT, as shells count."""

    exit_code = 130
