"""Helm is run as asked, ended in order, and its words never carry a value."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import HelmBusy, HelmError
from auditor.helm.command import Helm
from auditor.helm.dry_run import Rendered
from auditor.settings import ClusterSettings

SETTINGS = ClusterSettings(kubeconfig="/k", context="here", impersonate="alice", impersonate_groups=("staff",))
SECRET = {"license": {"key": "ABCD-1234"}}


def program(tmp_path: Path, body: str, version: str = "v3.21.4") -> str:
    """A helm that says its version and otherwise does what `body`, a shell script, says."""
    path = tmp_path / "helm"
    path.write_text(f'#!/bin/sh\nif [ "$1" = version ]; then echo {version}; exit; fi\ncd {tmp_path}\n{body}\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def helm(tmp_path: Path, body: str = "", version: str = "v3.21.4") -> Helm:
    return Helm(SETTINGS, program=program(tmp_path, body, version))


def upgrade(helm: Helm, **more: Any) -> None:
    helm.upgrade("posit", "pm", chart=Path("/chart"), values=b"a: 1", secrets=[SECRET], **more)


def test_an_upgrade_passes_user_supplied_values_only_and_prunes_no_revision(tmp_path: Path) -> None:
    upgrade(helm(tmp_path, 'printf "%s\\n" "$@" "$KUBECONFIG" > said; cat > given'), hooks=False)
    said = (tmp_path / "said").read_text().split("\n")
    assert said[:5] == ["upgrade", "pm", "/chart", "--values", "-"]
    assert (tmp_path / "given").read_text() == "a: 1"
    assert "--reset-values" in said
    assert "--reuse-values" not in said
    assert said[said.index("--history-max") + 1] == "0"
    assert "--no-hooks" in said
    assert "--wait" not in said
    for flag, value in (
        ("--kube-context", "here"),
        ("--kube-as-user", "alice"),
        ("--kube-as-group", "staff"),
        ("--namespace", "posit"),
    ):
        assert said[said.index(flag) + 1] == value
    assert said[-2] == "/k"


@pytest.mark.parametrize(
    "name",
    [
        "HELM_KUBECONTEXT",
        "HELM_KUBEASUSER",
        "HELM_KUBEAPISERVER",
        "HELM_KUBETOKEN",
        "HELM_KUBECAFILE",
        "HELM_KUBETLS_SERVER_NAME",
        "HELM_KUBEINSECURE_SKIP_TLS_VERIFY",
        "HELM_DRIVER",
        "HELM_DRIVER_SQL_CONNECTION_STRING",
        "HELM_NAMESPACE",
        "HELM_DEBUG",
    ],
)
def test_what_would_redirect_helm_is_kept_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HELM_REGISTRY_CONFIG", "/registry.json")
    upgrade(helm(tmp_path, "env > said"))
    said = (tmp_path / "said").read_text()
    assert f"{name}=" not in said
    assert "HELM_REGISTRY_CONFIG=/registry.json" in said


def test_an_error_comes_without_any_value(tmp_path: Path) -> None:
    body = "echo 'coalesce: cannot overwrite table ABCD-1234' >&2; echo 'Error: bad key ABCD-1234 at x' >&2; exit 1"
    with pytest.raises(HelmError) as error:
        upgrade(helm(tmp_path, body))
    assert str(error.value) == "helm upgrade pm failed: bad key <withheld> at x."


@pytest.mark.parametrize("password", ["pw", "longer-than-four"])
def test_a_repositorys_password_is_in_no_error(tmp_path: Path, password: str) -> None:
    url = f"https://me:{password}@charts.example"
    said = f'...Unable to get an update from the "source" chart repository ({url}): Get "{url}/index.yaml": no route'
    with pytest.raises(HelmError, match=r'Get "https://charts\.example/index\.yaml": no route') as error:
        helm(tmp_path, f"echo '{said}'").pull("rstudio-pm", version="0.20.4", repository=url, into=tmp_path)
    assert "@" not in str(error.value)


def test_a_failure_without_a_reason_is_one_all_the_same(tmp_path: Path) -> None:
    with pytest.raises(HelmError, match="it gave no reason"):
        upgrade(helm(tmp_path, "echo ABCD-1234 >&2; exit 3"))


def test_a_dry_run_tells_the_templates_of_upgrade_hooks_and_what_is_rendered(tmp_path: Path) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"key": "ABCD-1234"}}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "b", "namespace": "content"}}
    manifest = "\n---\n".join(json.dumps(one) for one in (secret, account, secret, None))
    hooks = [
        {"path": "a/templates/up.yaml", "events": ["post-upgrade"]},
        {"path": "a/templates/test.yaml", "events": ["test"]},
        {"path": "a/templates/pre.yaml", "events": ["pre-install", "pre-upgrade"]},
    ]
    ours = helm(tmp_path, f"printf %s '{json.dumps({'hooks': hooks, 'manifest': manifest})}'")
    told = ours.dry_run("posit", "pm", chart=Path("/c"), values=b"", secrets=[])
    assert told.hooks == ("a/templates/up.yaml", "a/templates/pre.yaml")
    assert told.objects == (Rendered("v1", "Secret", ""), Rendered("v1", "ServiceAccount", "content"))


@pytest.mark.parametrize("said", ["no json", "[]", '{"hooks": [1]}', ""])
def test_a_dry_run_that_cannot_be_read_is_an_error(tmp_path: Path, said: str) -> None:
    with pytest.raises(HelmError, match="no answer that can be read"):
        helm(tmp_path, f"echo '{said}'").dry_run("posit", "pm", chart=Path("/c"), values=b"", secrets=[])


def test_a_missing_helm_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELM", "no-such-helm")
    with pytest.raises(HelmError, match=r"no-such-helm.*--helm"):
        _ = Helm(SETTINGS).program


@pytest.mark.parametrize(
    ("version", "says"), [("v3.8.2", "too old"), ("v2.17.0", "too old"), ("gibberish", "does not tell its version")]
)
def test_an_old_or_strange_helm_is_refused(tmp_path: Path, version: str, says: str) -> None:
    with pytest.raises(HelmError, match=says):
        _ = helm(tmp_path, version=version).program


def test_a_program_that_hangs_instead_of_telling_its_version_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.helm.command._LONGEST_VERSION", 0.2)
    path = tmp_path / "helm"
    path.write_text("#!/bin/sh\nexec sleep 60\n")
    path.chmod(0o700)
    with pytest.raises(HelmError, match=r"helm did not tell its version within .* seconds\. Name Helm with --helm"):
        _ = Helm(SETTINGS, program=str(path)).program


def test_a_file_that_is_no_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "helm"
    path.write_bytes(b"\x00no program")
    path.chmod(0o700)
    with pytest.raises(HelmError, match=r"helm can't be run: .*\. Name Helm with --helm"):
        _ = Helm(SETTINGS, program=str(path)).program


@pytest.mark.parametrize("version", ["v3.13.0", "v3.21", "v4.1.0+gabc"])
def test_newer_helms_are_taken(tmp_path: Path, version: str) -> None:
    assert os.access(helm(tmp_path, version=version).program, os.X_OK)


@pytest.mark.parametrize(("version", "major"), [("v3.13.0", 3), ("v3.21", 3), ("v4.3", 4)])
def test_it_knows_whether_it_applies_on_the_servers_side(tmp_path: Path, version: str, major: int) -> None:
    assert helm(tmp_path, version=version).version.major == major


@pytest.mark.parametrize("force", [False, True])
def test_conflicts_are_forced_only_if_asked_for(tmp_path: Path, force: bool) -> None:
    upgrade(helm(tmp_path, 'printf "%s\\n" "$@" > said', version="v4.3"), force_conflicts=force)
    said = (tmp_path / "said").read_text().split("\n")
    assert ("--force-conflicts" in said) is force
    assert not {"--take-ownership", "--force", "--force-replace", "--atomic"} & {*said}


def test_a_helm_that_hangs_is_ended_in_order(tmp_path: Path) -> None:
    hanging = helm(tmp_path, "trap 'echo ended > ended; exit 1' TERM; echo $$ > pid; while :; do sleep 0.05; done")
    with pytest.raises(HelmError, match="did not end within"):
        hanging._run("posit", ["upgrade", "pm"], seconds=0.5)
    assert (tmp_path / "ended").exists()


def test_ctrl_c_at_the_terminal_reaches_us_and_not_helm(tmp_path: Path) -> None:
    upgrade(helm(tmp_path, "cut -d' ' -f6 /proc/$$/stat > session"))
    assert int((tmp_path / "session").read_text()) != os.getsid(0)


def test_ctrl_c_ends_helm_in_order_and_goes_on_to_the_caller(tmp_path: Path) -> None:
    body = "trap 'echo ended > ended; exit 1' TERM; sleep 0.3; kill -INT $PPID; while :; do sleep 0.05; done"
    with pytest.raises(KeyboardInterrupt):
        upgrade(helm(tmp_path, body))
    assert (tmp_path / "ended").exists()


def test_ctrl_c_lets_a_rollback_come_to_its_end(tmp_path: Path) -> None:
    """Helm's rollback heeds no signal: ended, it would stay pending-rollback."""
    body = "sleep 0.3; kill -INT $PPID; sleep 0.5; echo done > done"
    with pytest.raises(KeyboardInterrupt):
        helm(tmp_path, body).rollback("posit", "pm", 1, secrets=[])
    assert (tmp_path / "done").exists()


def test_ctrl_c_again_ends_a_rollback_that_hangs(tmp_path: Path) -> None:
    body = "trap 'echo ended > ended; exit 1' TERM; for _ in 1 2; do sleep 0.5; kill -INT $PPID; done"
    with pytest.raises(KeyboardInterrupt):
        helm(tmp_path, f"{body}; while :; do sleep 0.05; done").rollback("posit", "pm", 1, secrets=[])
    assert (tmp_path / "ended").exists()


@pytest.mark.parametrize(
    ("said", "busy"),
    [
        ("UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress", True),
        ("UPGRADE FAILED: release: already exists", True),
        ('UPGRADE FAILED: failed to create resource: serviceaccounts "pm" already exists', False),
    ],
)
def test_a_helm_that_gave_way_to_another_one_says_that_nothing_was_changed(
    tmp_path: Path, said: str, busy: bool
) -> None:
    with pytest.raises(HelmError) as error:
        upgrade(helm(tmp_path, f"echo 'Error: {said}' >&2; exit 1"))
    assert isinstance(error.value, HelmBusy) is busy
    assert ("Nothing was changed" in str(error.value)) is busy
