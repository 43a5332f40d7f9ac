"""What ends a run, or a piece of its work, early."""

from __future__ import annotations


class Trouble(Exception):
    """The run can't start: a code for programs and one sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Unrelated(Trouble):
    """A record of another run."""


class Foreign(Trouble):
    """What no run of ours can have left in the place of a record."""


class Halt(Exception):
    """The stop word was set while working."""
