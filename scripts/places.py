"""Where the programs of this project keep things outside the checkout, and whose these things are."""

import os
from contextlib import suppress
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def cache(room: str) -> Path:
    """Folder for what is expensive to make again, `$XDG_CACHE_HOME/posit-audit/<room>`; made if missing.

    scripts/as-root sets POSIT_AUDIT_CACHE, so that root works with the cache of the user who called sudo.
    """
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    path = Path(os.environ.get("POSIT_AUDIT_CACHE") or Path(base) / "posit-audit") / room
    make_folder(path)
    return path


def make_folder(path: Path) -> None:
    """Make a folder and those above it that are missing; all of them belong to the owner of the first that exists."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for each in reversed(missing):
        hand_over(each)


def hand_over(path: Path) -> None:
    """Give what root made to the owner of the folder that it lies in.

    The folder decides, not SUDO_UID: that variable outlives `sudo -i` and names a user whose folder this is not.
    """
    if os.geteuid() != 0:
        return
    above = path.parent.stat()
    if above.st_uid == 0:
        return
    names = [str(path)]
    if not path.is_symlink():
        names += [f"{folder}/{name}" for folder, folders, files in os.walk(path) for name in (*folders, *files)]
    for name in names:
        with suppress(FileNotFoundError):  # another process works in the same cache
            if os.lstat(name).st_uid == 0:
                os.chown(name, above.st_uid, above.st_gid, follow_symlinks=False)
