"""Make the stand-in images once, into a cache folder outside the checkout.

python -m scripts.images.build     prints the archive, for `kind load image-archive`
"""

import hashlib
import platform
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

from scripts import packages
from scripts.images import oci, pythons
from scripts.localcluster.settings import PAUSE_IMAGE
from scripts.places import cache, hand_over
from scripts.progress import StepFailedError, only_one, run_step, say

_HERE = Path(__file__).resolve().parent
_BUSYBOX = Path("/bin/busybox")
_PACKAGES = "bash,coreutils,curl,dash,findutils,grep,python3,sed,tini"
_DROPPED = ("usr/share/doc/", "usr/share/locale/", "usr/share/man/", "usr/share/perl", "usr/lib/x86_64-linux-gnu/perl")
_PORTS = {"connect": "3939", "package-manager": "4242"}
_USERS = {"root": 0, "rstudio-pm": 999, "rstudio-connect": 998}


def pause() -> Path:
    """The archive with the image that holds a pod's namespaces."""
    packages.ensure(("busybox-static",))
    return _made("pause.tar", _make_pause)


def products() -> Path:
    """The archive with every image of images.toml (about half a minute on the first call)."""
    packages.ensure(packages.IMAGES)
    return _made("products.tar", _make_products)


def names() -> list[str]:
    """Every image name of images.toml."""
    return [image["name"] for image in _rows()]


def _rows() -> list[dict[str, str]]:
    rows: list[dict[str, str]] = tomllib.loads((_HERE / "images.toml").read_text())["image"]
    return rows


def _made(name: str, make: Callable[[Path], None]) -> Path:
    archive = _folder() / name
    with only_one(_folder() / "lock", "making images"):
        if not archive.is_file():
            make(archive)
    hand_over(_folder())
    return archive


def _make_pause(archive: Path) -> None:
    command = ["/bin/busybox", "sleep", "2147483647"]
    oci.write_archive(archive, [oci.Image(name=PAUSE_IMAGE, layers=[_busybox_layer()], entrypoint=command)])


def _make_products(archive: Path) -> None:
    tools, pythons = _debian_layers()
    server, busybox = _server_layer(), _busybox_layer()
    images = []
    for row in _rows():
        kind = row["kind"]
        if kind in _PORTS:
            gnu = row["tools"] == "gnu"
            image = oci.Image(
                name=row["name"],
                layers=[*([tools, _shell_layer()] if gnu else [busybox]), *pythons[row["python"]], server],
                entrypoint=["tini", "--"] if gnu else [],
                command=["/usr/local/bin/startup.sh"],
                environment={"STAND_IN_PORT": _PORTS[kind]},
                user=row["user"],
            )
        else:
            command = ["sh"] if kind == "busybox" else ["true"]
            image = oci.Image(name=row["name"], layers=[busybox], entrypoint=[], command=command)
        images.append(image)
    say("Writing the products' stand-in images …")
    oci.write_archive(archive, images)


def _debian_layers() -> tuple[Path, dict[str, list[Path]]]:
    """Debian packages: the layer of everything but Python, and the layers of each place where an image may keep it."""
    whole, tools = _folder() / "whole.tar", _folder() / "tools.layer.tar"
    making = ["mmdebstrap", "--variant=extract", f"--include={_PACKAGES}", suite(), str(whole)]
    log = _folder() / "mmdebstrap.log"
    run_step("Unpacking Debian packages for the stand-in images", making, log=log, expected="half a minute")
    kept = pythons.everything_else
    oci.copy_layer(whole, tools, lambda name: None if name.startswith(_DROPPED) else kept(name))
    made = pythons.layers(whole, _folder())
    whole.unlink()
    return tools, made


def _shell_layer() -> Path:
    """No package brings /bin/sh: dash makes the link when it is configured, and nothing is configured here."""
    layer = _folder() / "shell.layer.tar"
    oci.write_layer(layer, {}, {"bin/sh": "dash"})
    return layer


def _server_layer() -> Path:
    layer = _folder() / "server.layer.tar"
    users = "".join(f"{name}:x:{number}:{number}::/:/bin/bash\n" for name, number in _USERS.items())
    groups = "".join(f"{name}:x:{number}:\n" for name, number in _USERS.items())
    files = {
        "etc/passwd": (users.encode(), 0o644),
        "etc/group": (groups.encode(), 0o644),
        "srv/www/__ping__": (b"{}\n", 0o644),
        "srv/www/index.html": (b"stand-in\n", 0o644),
        "usr/local/bin/busybox": (_BUSYBOX.read_bytes(), 0o755),
        "usr/local/bin/startup.sh": ((_HERE / "server" / "startup.sh").read_bytes(), 0o755),
    }
    oci.write_layer(layer, files)
    return layer


def _busybox_layer() -> Path:
    """Busybox alone, with a link for each of its commands beside it."""
    layer = _folder() / "busybox.layer.tar"
    listed = subprocess.run([_BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split()
    oci.write_layer(
        layer,
        {"bin/busybox": (_BUSYBOX.read_bytes(), 0o755)},
        {f"bin/{command}": "busybox" for command in listed if command != "busybox"},
    )
    return layer


def suite() -> str:
    release = Path("/etc/os-release").read_text()
    for line in release.splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    raise StepFailedError("/etc/os-release names no Debian release to take packages from.")


def _folder() -> Path:
    """Keyed by everything that the images are made from."""
    sources = [*_HERE.glob("*.py"), *_HERE.glob("*.toml"), *_HERE.glob("server/*")]
    digest = hashlib.sha256()
    for source in sorted(sources):
        digest.update(source.read_bytes())
    digest.update(_BUSYBOX.read_bytes())
    folder = cache("images") / f"{suite()}-{platform.machine()}-{digest.hexdigest()[:12]}"
    folder.mkdir(exist_ok=True)
    return folder


if __name__ == "__main__":
    try:
        print(products())
    except StepFailedError as problem:
        say(str(problem))
        raise SystemExit(1) from None
