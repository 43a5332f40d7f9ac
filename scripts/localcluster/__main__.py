"""The calls of `kind` that pytest-kind and people make. Run as `scripts/kind-local`."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts import packages
from scripts.images import build as images
from scripts.localcluster import lifecycle, worker
from scripts.localcluster.preflight import why_not
from scripts.localcluster.state import Cluster
from scripts.places import CHECKOUT
from scripts.progress import StepFailedError, say
from scripts.toolchain import build as toolchain


def main(argv: list[str]) -> int:
    arguments = _parser().parse_args(argv)
    try:
        if arguments.needs_root and os.geteuid() != 0:
            return _again_as_root(arguments, argv)
        arguments.run(arguments)
    except StepFailedError as problem:
        say(f"ERROR: {problem}")
        return 1
    return 0


def _get_clusters(_: argparse.Namespace) -> None:
    names = lifecycle.running()
    print("\n".join(names)) if names else say("No clusters found.")


def _get_folder(arguments: argparse.Namespace) -> None:
    print(Cluster(name=arguments.name).folder)


def _prepare(_: argparse.Namespace) -> None:
    problem = why_not()
    if problem:
        raise StepFailedError(problem)
    packages.ensure(packages.CLUSTER)
    toolchain.ensure()
    images.pause()
    images.products()


def _create(arguments: argparse.Namespace) -> None:
    if arguments.config or arguments.image:
        say("--config and --image mean nothing here: this cluster has one node at first and its own version.")
    owner = os.environ.get("POSIT_AUDIT_OWNER")
    cluster = Cluster(name=arguments.name)
    lifecycle.create(cluster, _kubeconfig(arguments), images.pause(), int(owner) if owner else None)


def _delete(arguments: argparse.Namespace) -> None:
    say(f"Deleting cluster {arguments.name!r} …")
    lifecycle.delete(Cluster(name=arguments.name), _kubeconfig(arguments))


def _create_node(arguments: argparse.Namespace) -> None:
    worker.create(_existing(arguments.name), images.pause())


def _delete_node(arguments: argparse.Namespace) -> None:
    worker.delete(_existing(arguments.name))


def _load_archive(arguments: argparse.Namespace) -> None:
    lifecycle.load_archive(_existing(arguments.name), arguments.archive)


def _load_docker_image(arguments: argparse.Namespace) -> None:
    cluster = _existing(arguments.name)
    if not shutil.which("docker"):
        raise StepFailedError(
            "There is no docker here to take the image from: write it to a file and use `load image-archive`."
        )
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "image.tar"
        saved = subprocess.run(
            ["docker", "save", "--output", str(archive), arguments.image],
            capture_output=True,
            text=True,
            check=False,
        )
        if saved.returncode:
            raise StepFailedError(f"docker could not hand out {arguments.image}: {saved.stderr.strip()}")
        lifecycle.load_archive(cluster, archive)


def _existing(name: str) -> Cluster:
    if name not in lifecycle.running():
        raise StepFailedError(f"No cluster {name!r} is running; `scripts/kind-local get clusters` lists them.")
    return Cluster(name=name)


def _kubeconfig(arguments: argparse.Namespace) -> Path:
    chosen = arguments.kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    return Path(chosen).absolute()


def _again_as_root(arguments: argparse.Namespace, argv: list[str]) -> int:
    problem = why_not()
    if problem:
        raise StepFailedError(problem)
    toolchain.ensure()  # as the user whose cache it is
    file = [f"KUBECONFIG={_kubeconfig(arguments)}"] if hasattr(arguments, "kubeconfig") else []
    again = ["env", *file, f"PYTHONPATH={CHECKOUT}", sys.executable, "-m", "scripts.localcluster", *argv]
    return subprocess.run([str(CHECKOUT / "scripts" / "as-root"), *again], check=False).returncode


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kind-local", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    get = verbs.add_parser("get", help="clusters, or one cluster's folder").add_subparsers(required=True)
    clusters = get.add_parser("clusters", help="names of the running clusters, one a line")
    clusters.set_defaults(run=_get_clusters, needs_root=False)
    folder = get.add_parser("folder", help="where a cluster keeps audit.log, log/ and everything else")
    folder.set_defaults(run=_get_folder, needs_root=False)

    prepare = verbs.add_parser("prepare", help="what the first cluster needs: packages, programs, images")
    prepare.set_defaults(run=_prepare, needs_root=True)

    create = verbs.add_parser("create", help="a cluster, or its second node").add_subparsers(required=True)
    created = create.add_parser("cluster")
    created.add_argument("--image", help="taken and ignored, as kind has it")
    created.add_argument("--config", help="taken and ignored, as kind has it")
    created.set_defaults(run=_create, needs_root=True)
    added = create.add_parser("node", help="a second node; load images again, it has none")
    added.set_defaults(run=_create_node, needs_root=True)

    delete = verbs.add_parser("delete", help="a cluster, or its second node").add_subparsers(required=True)
    deleted = delete.add_parser("cluster")
    deleted.set_defaults(run=_delete, needs_root=True)
    lost = delete.add_parser("node", help="cut the second node's power; its Node object stays")
    lost.set_defaults(run=_delete_node, needs_root=True)

    load = verbs.add_parser("load", help="images").add_subparsers(required=True)
    archive = load.add_parser("image-archive", help="every image of an OCI or Docker archive")
    archive.add_argument("archive", type=Path)
    archive.set_defaults(run=_load_archive, needs_root=True)
    docker = load.add_parser("docker-image", help="an image of this machine's Docker")
    docker.add_argument("image")
    docker.set_defaults(run=_load_docker_image, needs_root=True)

    for call in (created, deleted):
        call.add_argument("--kubeconfig", help="default: $KUBECONFIG or ~/.kube/config")
    for call in (folder, created, added, deleted, lost, archive, docker):
        call.add_argument("--name", default="kind", help="default: kind")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
