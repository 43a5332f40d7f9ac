"""shellcheck over every shell program: python -m scripts.lint_shell

Those of auditor/worker/shell are checked whole, as they are sent into a pod; the others as the files that they are."""

import subprocess
import sys
import tempfile
from pathlib import Path

from auditor.worker import commands
from scripts import packages
from scripts.places import CHECKOUT
from scripts.progress import StepFailedError, say

_FILES = (CHECKOUT / "scripts" / "kind-local", *sorted((CHECKOUT / "scripts" / "images").rglob("*.sh")))


def main() -> int:
    packages.ensure(packages.LINT)
    with tempfile.TemporaryDirectory(prefix="shellcheck-") as folder:
        for name, text in commands.programs().items():
            Path(folder, f"{name}.sh").write_text(text, encoding="utf-8")
        whole = sorted(Path(folder).iterdir())
        good = [_checked("--shell=sh", *map(str, whole)), _checked(*map(str, filter(_is_shell, _FILES)))]
    return 0 if all(good) else 1


def _is_shell(path: Path) -> bool:
    return path.read_bytes().split(b"\n", 1)[0].endswith((b"sh", b"bash"))


def _checked(*arguments: str) -> bool:
    return subprocess.run(["shellcheck", "--norc", *arguments], check=False).returncode == 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StepFailedError as problem:
        say(str(problem))
        raise SystemExit(1) from None
