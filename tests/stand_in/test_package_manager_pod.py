"""Who Package Manager runs as, and the hook that changes owners."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stand_in.rendering import STORAGE, Helm, container_of, gcfg, mounts_of, only, pod_of


def test_oldest_runs_privileged_and_as_the_user_of_the_image(helm: Helm) -> None:
    manifests = helm.template("rstudio-pm", "0.3.9", STORAGE)
    assert container_of(manifests)["securityContext"] == {"privileged": True}
    assert "securityContext" not in pod_of(manifests)["spec"]
    assert "serviceAccountName" not in pod_of(manifests)["spec"]
    assert "[Launcher]\nAdminGroup = root\nServerUser = root\n" in gcfg(manifests)


@pytest.mark.parametrize(("sandboxing", "profile"), [(True, "Unconfined"), (False, "RuntimeDefault")])
def test_newer_ones_run_as_999(helm: Helm, sandboxing: bool, profile: str) -> None:
    for version in ("0.5.29", "0.20.4"):
        manifests = helm.template("rstudio-pm", version, {"enableSandboxing": sandboxing})
        context = container_of(manifests)["securityContext"]
        assert (context["runAsUser"], context["runAsNonRoot"]) == (999, True)
        assert context["seccompProfile"] == {"type": profile}
        annotations = pod_of(manifests)["metadata"]["annotations"]
        assert ("container.apparmor.security.beta.kubernetes.io/rspm" in annotations) is sandboxing
        variables = {entry["name"] for entry in container_of(manifests)["env"] or []}
        assert ("PACKAGEMANAGER_GIT_ALLOWUNSANDBOXEDGITBUILDS" in variables) is not sandboxing


def test_fs_group_came_late(helm: Helm) -> None:
    assert "securityContext" not in pod_of(helm.template("rstudio-pm", "0.5.29", {}))["spec"]
    context = pod_of(helm.template("rstudio-pm", "0.20.4", {}))["spec"]["securityContext"]
    assert context == {"fsGroup": 999, "fsGroupChangePolicy": "OnRootMismatch"}


def test_key_was_a_file_and_became_a_variable(helm: Helm) -> None:
    old = helm.template("rstudio-pm", "0.3.9", {"rstudioPMKey": "R"})
    assert mounts_of(old)["/var/lib/rstudio-pm/rstudio-pm.key"] == "rstudio-pm-key"
    new = container_of(helm.template("rstudio-pm", "0.5.29", {"rstudioPMKey": "R"}))
    assert [entry["name"] for entry in new["env"]] == ["PACKAGEMANAGER_ENCRYPTION_KEY"]


def test_ownership_hook(helm: Helm) -> None:
    values = STORAGE | {"enableMigration": True, "rstudioPMKey": "R"}
    job = only(helm.template("rstudio-pm", "0.20.4", values), "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "post-upgrade"
    pod = job["spec"]["template"]
    assert pod["metadata"]["labels"]["app.kubernetes.io/name"] == "rstudio-pm", "it becomes an endpoint"
    container = pod["spec"]["containers"][0]
    assert container["image"] == "busybox"
    assert "imagePullPolicy" not in container
    assert "rm -rf /var/lib/rstudio-pm/verify" in container["command"][2]
    assert "rm -f /var/lib/rstudio-pm/rstudio-pm.key" in container["command"][2]


def test_a_command_of_two_words_becomes_one(helm: Helm) -> None:
    container = container_of(helm.template("rstudio-pm", "0.20.4", {"command": ["sleep", "1"]}))
    assert container["command"] == ["sleep 1"]


def test_the_charts_own_variables_come_after_the_users(helm: Helm) -> None:
    """Of two variables of one name the last counts."""
    values = {"rstudioPMKey": "R", "pod": {"env": [{"name": "MINE", "value": "1"}]}}
    names = [entry["name"] for entry in container_of(helm.template("rstudio-pm", "0.20.4", values))["env"]]
    assert names == ["MINE", "PACKAGEMANAGER_ENCRYPTION_KEY"]


@pytest.mark.parametrize("version", ["0.3.9", "0.5.29", "0.20.4"])
def test_without_metrics_there_is_nothing_to_monitor(helm: Helm, version: str) -> None:
    monitor: dict[str, Any] = {"serviceMonitor": {"enabled": True}}
    assert only(helm.template("rstudio-pm", version, monitor), "ServiceMonitor")
    silent = helm.template("rstudio-pm", version, monitor | {"config": {"Metrics": {"Enabled": False}}})
    assert "ServiceMonitor" not in {manifest["kind"] for manifest in silent}
