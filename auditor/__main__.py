"""`python -m auditor` and the console script: the one place where an error becomes a sentence and an exit code."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from auditor.cli import app
from auditor.cli.printing import mute, show_what_cannot_be_encoded
from auditor.errors import PositAuditError
from auditor.printable import printable, printable_lines

INTERRUPTED = 130


def _open_streams() -> None:
    if sys.stderr is None:  # closed, as by 2>&-
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - to the end of the process
    if sys.stdout is None:
        sys.stderr.write("posit-audit: stdout is closed, and the result goes there.\n")
        sys.exit(1)
    show_what_cannot_be_encoded()


def _tell(error: PositAuditError) -> None:
    sys.stderr.write(printable_lines(f"posit-audit: {error}") + "\n")


def main() -> None:
    """0 and 2 are results; 1 is everything that kept a command from its work, a wrong flag included."""
    _open_streams()
    try:
        code = app(prog_name="posit-audit", standalone_mode=False)
        sys.stdout.flush()
    except PositAuditError as error:
        _tell(error)
        sys.exit(error.exit_code)
    except typer.TyperException as error:
        show = getattr(error, "show", None)
        if show is None:
            sys.stderr.write(printable_lines(f"posit-audit: {error}") + "\n")
        else:
            # What typer passes on of pydantic's words.
            error.message = printable_lines(error.message.replace("Value error, ", "", 1))
            show()  # with the usage line of the command
        sys.exit(1)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        mute(sys.stdout)  # whoever read us has seen enough
        sys.exit(1)
    except OSError as error:
        mute(sys.stdout)
        sys.stderr.write(printable(f"posit-audit: {error.filename or 'stdout'}: {error.strerror}.") + "\n")
        sys.exit(1)
    if code == INTERRUPTED:  # which is also what typer makes of Ctrl-C
        sys.stderr.write("posit-audit: interrupted.\n")
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
