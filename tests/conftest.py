"""Which cluster `kind_cluster` is: pytest-kind's fixture stays the one door, this chooses what is behind it.

scripts/kind-local unless CLUSTER_PROVIDER=kind asks for the kind on PATH. POSIT_AUDIT_KIND or --kind-bin name
another program. Unless --cluster-name says otherwise the cluster belongs to this run alone, and the next
run on the machine removes it should this one be killed.
"""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from auditor import logs
from scripts.localcluster import network
from scripts.localcluster.preflight import why_not
from scripts.toolchain import build as toolchain

# Two cores are shared with clusters that start: how long one example takes says nothing about the code.
hypothesis.settings.register_profile(
    "posit-audit", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("posit-audit")

# Tests of minutes. Begun in their turn, they would run on when every other test is done.
LONGEST = ("test_two_commands.py", "test_job_interrupted.py", "test_ownership_job.py")
KIND_LOCAL = Path(__file__).parent.parent / "scripts" / "kind-local"
_UNNAMED = "pytest-kind"  # the plugin's default


def pytest_configure() -> None:
    """Who starts the tests in the background (a CI, a shell's `&`, nohup) ignores Ctrl-C or a closed terminal for
    everything below them, the programs tested for it too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.umask(0o022)  # some tests let other users read what they make


@pytest.fixture(autouse=True)
def _logs_as_by_default() -> None:
    """Whatever a test before it in the same process has set: how and where to log is the process's, not a test's."""
    logs.configure(0, "text")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONGEST)  # stable
    if os.environ.get("POSIT_AUDIT_MATRIX") != "all":
        for item in items:
            if item.get_closest_marker("matrix"):
                item.add_marker(pytest.mark.skip(reason="make matrix runs it"))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Set pytest-kind's options, only where a test to be run wants a cluster: asking Docker takes time."""
    if any("kind_cluster" in getattr(item, "fixturenames", ()) for item in session.items):
        _choose(session.config)


def _choose(config: pytest.Config) -> None:
    option = config.option
    if not option.kind_bin:
        option.kind_bin = os.environ.get("POSIT_AUDIT_KIND") or chosen_kind()
    if not option.kind_kubectl_bin:
        option.kind_kubectl_bin = str(toolchain.folder() / "kubectl")
    for name in ("NO_PROXY", "no_proxy"):  # the cluster's addresses are this machine's own
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), network.RANGE)))
    if option.cluster_name == _UNNAMED:
        option.cluster_name = f"test-{os.getpid()}"
        if not option.keep_cluster:
            os.environ["POSIT_AUDIT_OWNER"] = str(os.getpid())


def chosen_kind() -> str:
    """Path of the program to use. pytest-kind is never left to fetch one: it takes a kind of years ago."""
    provider = os.environ.get("CLUSTER_PROVIDER") or "local"
    if provider == "local":
        return str(KIND_LOCAL)
    if provider != "kind":
        raise pytest.UsageError(f"CLUSTER_PROVIDER is {provider!r}; the tests know local and kind.")
    found = shutil.which("kind")
    if not found:
        raise pytest.UsageError("CLUSTER_PROVIDER=kind needs kind on PATH: install it, or leave the variable out.")
    return found


def is_ours(kind: str | None) -> bool:
    return kind is not None and Path(kind).resolve() == KIND_LOCAL.resolve()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take away the folder that pytest-kind makes in the working directory for each cluster."""
    folder = Path(".pytest-kind")
    if folder.is_dir() and not config.option.keep_cluster:
        shutil.rmtree(folder / config.option.cluster_name, ignore_errors=True)
        if not any(folder.iterdir()):
            folder.rmdir()


@pytest.fixture(scope="session")
def machine_can(pytestconfig: pytest.Config) -> None:
    """Fails in one sentence where this machine can't run the cluster; never skips.

    Programs that are not built yet are built here, where what takes minutes can be seen.
    """
    problem = why_not() if is_ours(pytestconfig.option.kind_bin) else None
    if problem:
        pytest.fail(problem, pytrace=False)
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        toolchain.ensure()


@pytest.fixture(scope="session")
def kind_cluster(machine_can: None, kind_cluster: Any) -> Any:
    """The cluster: see pytest-kind's KindCluster for `kubectl`, `kubeconfig_path`, `api` and `name`."""
    return kind_cluster
