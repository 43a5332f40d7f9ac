"""Where an image may keep Python: column `python` of images.toml, made of the files of Debian's packages."""

import re
import tarfile
from collections.abc import Callable
from pathlib import Path

from scripts.images import oci

VERSION = "3.14.4"
"""Of the folder below /opt/python; the program in it is Debian's."""
_HERE = Path(__file__).resolve().parent
_ON_PATH = re.compile(r"usr/bin/(py|pdb|pygettext)|usr/(lib|share)/python3|usr/share/(applications|binfmts)/python")
_UNUSED = re.compile(r".*/(test|unittest|pydoc_data|lib2to3|idlelib|tkinter|turtledemo|ensurepip|ctypes)(/|$)")
_FEW_LINES_NEED = re.compile(r"[^/]+\.py|(encodings|importlib|collections|re|json)(/.*)?")
_INTERPRETER = re.compile(r"usr/bin/python3(\.\d+)?$")
_LIBRARY = re.compile(r"usr/lib/(python3\.\d+)/(.+)")
_HIDDEN = "usr/libexec/stand-in"
"""No program of anybody looks for Python here."""


def everything_else(name: str) -> str | None:
    """`name` if it is no part of Python, as oci.copy_layer asks."""
    return None if _ON_PATH.match(name) else name


def layers(debian: Path, folder: Path) -> dict[str, list[Path]]:
    """Word of the column -> the layers that an image has on top of its tools."""
    path, opt, hidden, old, default = (
        folder / f"python-{name}.layer.tar" for name in ("path", "opt", "hidden", "old", "default")
    )
    oci.copy_layer(debian, path, lambda name: None if everything_else(name) or _UNUSED.match(name) else name)
    oci.copy_layer(debian, opt, _moved_to(f"opt/python/{VERSION}"))
    oci.copy_layer(debian, hidden, _moved_to(_HIDDEN, only=_FEW_LINES_NEED))
    answers = (_HERE / "server" / "python3.6.sh").read_bytes()
    pretended = _encodings(hidden) + (_HERE / "server" / "python3.6.py.txt").read_bytes()
    files = {"usr/bin/python3": (answers, 0o755), _encodings_of(hidden): (pretended, 0o644)}
    oci.write_layer(old, files, {"usr/bin/python3.6": "python3"})
    oci.write_layer(default, {}, {"opt/python/default": f"/opt/python/{VERSION}"})
    return {"none": [], "path": [path], "opt": [opt], "default": [opt, default], "old": [hidden, old]}


def _moved_to(prefix: str, only: re.Pattern[str] = re.compile(".*")) -> Callable[[str], str | None]:
    """The interpreter looks for its library from where it lies itself, so both may lie anywhere together."""

    def place(name: str) -> str | None:
        if _INTERPRETER.match(name):
            return f"{prefix}/bin/{Path(name).name}"
        library = _LIBRARY.match(name)
        wanted = library and library[2] != "sitecustomize.py" and only.fullmatch(library[2])
        if library and wanted and not _UNUSED.match(name):
            return f"{prefix}/lib/{library[1]}/{library[2]}"
        return None

    return place


def _encodings_of(layer: Path) -> str:
    """The first module of the library that Python reads, whatever its options."""
    with tarfile.open(layer) as opened:
        return next(name for name in opened.getnames() if name.endswith("/encodings/__init__.py"))


def _encodings(layer: Path) -> bytes:
    with tarfile.open(layer) as opened:
        content = opened.extractfile(_encodings_of(layer))
        return content.read() if content else b""
