"""The mapping from the Launcher's values to the direct runner's, row by row."""

from __future__ import annotations

import time
from typing import Any

import pytest

from auditor.catalog import Chart
from auditor.model.keypath import MISSING, join_key, look_up, split_key
from auditor.model.migration import ContentAccount, Note
from auditor.values.document import Document
from auditor.values.migration import Migration, as_json, migrate, migrate_values
from auditor.values.migration.rows import mapping_rows

STORAGE = {"sharedStorage": {"create": True, "mount": True}}
JOB = ("backends", "kubernetes", "defaultResourceJobBase")
POD = (*JOB, "spec", "template", "spec")


def run(text: str, chart: Chart, **upgrade: Any) -> Migration:
    return migrate([Document.parse(text, "values.yaml")], chart, **upgrade)


def launcher(pod: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    templates = {"templateValues": {"pod": pod}} if pod else {}
    return STORAGE | {"launcher": {"enabled": True} | templates | more}


def notes_of(notes: tuple[Note, ...], key: str) -> list[str]:
    return [note.kind for note in notes if note.key == key]


# The guide's complete example, the data of it, with names of our own.
BEFORE = """\
sharedStorage: {create: true, mount: true, storageClassName: fast, requests: {storage: 100G}}
launcher:
  enabled: true
  templateValues:
    job:
      labels: # of the job
        owned-by: connect
      annotations: {team: science}
    pod:
      labels: {content: "true"}
      annotations: {tier: compute}
      nodeSelector: {workload: content}
      tolerations:
        - {key: "dedicated", operator: "Equal", value: "content", effect: "NoSchedule"}
      affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 100}]}}
      securityContext: {runAsUser: 999, runAsGroup: 999, fsGroup: 999}
      serviceAccountName: content
      imagePullSecrets: [{name: regcred}]
      priorityClassName: ""
      hostAliases: [{ip: "10.0.0.50", hostnames: ["api"]}]
      volumes: [{name: conf, configMap: {name: conf}}]
      initContainers: [{name: wait, image: "busybox:1", command: ["sh"]}]
      extraContainers:
        - name: logs
          image: fluent:1
      env: [{name: URL, valueFrom: {secretKeyRef: {name: app, key: url}}}]
      resources: {requests: {memory: "1Gi", cpu: "500m"}, limits: {memory: "4Gi", cpu: "2"}}
      imagePullPolicy: IfNotPresent
      containerSecurityContext: {allowPrivilegeEscalation: false}
      command: []
      volumeMounts: [{name: conf, mountPath: /etc/conf, readOnly: true}]
    service:
      labels: {service: content}
      annotations: {tier: compute}
      type: ClusterIP
config:
  Launcher:
    DataDirPVCName: connect-data
"""
AFTER: dict[str, Any] = {
    "sharedStorage": {"create": True, "mount": True, "storageClassName": "fast", "requests": {"storage": "100G"}},
    "launcher": {"enabled": False},
    "backends": {
        "kubernetes": {
            "enabled": True,
            "defaultResourceJobBase": {
                "metadata": {"labels": {"owned-by": "connect"}, "annotations": {"team": "science"}},
                "spec": {
                    "template": {
                        "metadata": {"labels": {"content": "true"}, "annotations": {"tier": "compute"}},
                        "spec": {
                            "nodeSelector": {"workload": "content"},
                            "tolerations": [
                                {"key": "dedicated", "operator": "Equal", "value": "content", "effect": "NoSchedule"}
                            ],
                            "affinity": {
                                "podAntiAffinity": {
                                    "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100}]
                                }
                            },
                            "securityContext": {"fsGroup": 999},
                            "serviceAccountName": "content",
                            "imagePullSecrets": [{"name": "regcred"}],
                            "priorityClassName": "",
                            "hostAliases": [{"ip": "10.0.0.50", "hostnames": ["api"]}],
                            "volumes": [{"name": "conf", "configMap": {"name": "conf"}}],
                            "initContainers": [{"name": "wait", "image": "busybox:1", "command": ["sh"]}],
                            "containers": [
                                {"name": "logs", "image": "fluent:1"},
                                {
                                    "name": "connect-content",
                                    "env": [
                                        {"name": "URL", "valueFrom": {"secretKeyRef": {"name": "app", "key": "url"}}}
                                    ],
                                    "resources": {
                                        "requests": {"memory": "1Gi", "cpu": "500m"},
                                        "limits": {"memory": "4Gi", "cpu": "2"},
                                    },
                                    "imagePullPolicy": "IfNotPresent",
                                    "securityContext": {"allowPrivilegeEscalation": False},
                                    "volumeMounts": [{"name": "conf", "mountPath": "/etc/conf", "readOnly": True}],
                                },
                            ],
                        },
                    }
                },
            },
            "defaultResourceServiceBase": {
                "metadata": {"labels": {"service": "content"}, "annotations": {"tier": "compute"}},
                "spec": {"type": "ClusterIP"},
            },
        }
    },
    "config": {"Kubernetes": {"DataDirPVCName": "connect-data"}},
}


def test_the_before_of_the_guide_becomes_its_after(connect: Chart) -> None:
    result = run(BEFORE, connect)
    assert result.documents[0].data == AFTER
    assert result.exit_code == 0
    assert "labels: # of the job" in result.documents[0].text()


def test_migrating_the_result_again_changes_nothing(connect: Chart) -> None:
    once = run(BEFORE, connect)
    again = migrate(once.documents, connect)
    assert (again.changed, again.documents[0].text()) == (False, once.documents[0].text())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "launcher: {enabled: false}\r\nbackends: {kubernetes: {enabled: true}}\r\n\r\nsharedStorage: {create: yes}",
        "sharedStorage:\n    create: true   # wide\n\n\n\nreplicas: 0x2\nconfig: {Server: {A: 'b'}}\n...\n",
    ],
)
def test_a_file_with_nothing_to_migrate_stays_byte_for_byte(connect: Chart, text: str) -> None:
    result = run(text, connect)
    assert result.documents[0].text() == text
    assert not result.changed


def test_the_content_accounts_are_told_with_their_namespace(connect: Chart) -> None:
    text = (
        "sharedStorage: {create: true}\n"
        "launcher: {enabled: true, namespace: jobs, templateValues: {pod: {serviceAccountName: c}}}\n"
    )
    assert run(text, connect).accounts == (
        ContentAccount(name="default", namespace="jobs"),
        ContentAccount(name="c", namespace="jobs"),
    )


def test_notes_say_where_in_the_file_a_key_stood(connect: Chart) -> None:
    note = next(n for n in run(BEFORE, connect).notes if n.key == "launcher.templateValues.pod.command")
    assert (note.kind, note.file, note.line, note.column) == ("dropped", "values.yaml", 30, 7)


def test_no_note_shows_a_value(connect: Chart) -> None:
    text = BEFORE.replace("/etc/conf", "/hunter2").replace("fluent:1", "hunter2").replace("connect-data", "hunter2")
    assert not [note for note in run(text, connect).notes if "hunter2" in str(note)]


def test_the_security_contexts_merge_as_the_template_merged_them(connect: Chart) -> None:
    pod = {
        "defaultSecurityContext": {"fsGroup": 1, "runAsNonRoot": True, "seLinuxOptions": {"level": "a", "role": "r"}},
        "securityContext": {"fsGroup": 2, "seLinuxOptions": {"level": "b"}, "supplementalGroups": [1]},
    }
    migrated, notes = migrate_values(launcher(pod), connect)
    assert look_up(migrated, (*POD, "securityContext")) == {
        "fsGroup": 2,
        "seLinuxOptions": {"level": "b", "role": "r"},
        "runAsNonRoot": True,
    }
    assert notes_of(notes, "launcher.templateValues.pod.defaultSecurityContext.fsGroup") == ["dropped"]
    assert notes_of(notes, "launcher.templateValues.pod.securityContext.supplementalGroups") == ["dropped"]


def test_an_existing_content_container_is_completed_by_name(connect: Chart) -> None:
    values = launcher({"env": [{"name": "B", "value": "2"}], "imagePullPolicy": "Always"}) | {
        "backends": {"kubernetes": {"defaultResourceJobBase": {"spec": {"template": {"spec": {"containers": [
            {"name": "side"}, {"name": "connect-content", "env": [{"name": "A", "value": "1"}]},
        ]}}}}}}
    }  # fmt: skip
    migrated, notes = migrate_values(values, connect)
    assert look_up(migrated, (*POD, "containers")) == [
        {"name": "side"},
        {
            "name": "connect-content",
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "imagePullPolicy": "Always",
        },
    ]
    assert not [note for note in notes if note.needs_decision]


def test_a_long_list_is_completed_in_time_that_grows_with_it(connect: Chart) -> None:
    """Each item was compared with every other one: 14 seconds for these."""
    env, there = ([{"name": f"{letter}{number}"} for number in range(1000)] for letter in "AB")
    containers = [{"name": "connect-content", "env": there}]
    job = {"kubernetes": {"defaultResourceJobBase": {"spec": {"template": {"spec": {"containers": containers}}}}}}
    began = time.process_time()
    migrated, _ = migrate_values({**launcher({"env": env}), "backends": job}, connect)
    assert time.process_time() - began < 4
    assert look_up(migrated, (*POD, "containers", 0, "env")) == [*there, *env]


def test_a_conflict_overwrites_nothing_and_needs_a_person(connect: Chart) -> None:
    values = launcher({"nodeSelector": {"a": "1", "b": "1"}}) | {
        "backends": {
            "kubernetes": {"defaultResourceJobBase": {"spec": {"template": {"spec": {"nodeSelector": {"a": "2"}}}}}}
        }
    }
    migrated, notes = migrate_values(values, connect)
    assert look_up(migrated, (*POD, "nodeSelector")) == {"a": "2", "b": "1"}
    assert look_up(migrated, ("launcher", "templateValues", "pod")) == {"nodeSelector": {"a": "1"}}
    assert notes_of(notes, "launcher.templateValues.pod.nodeSelector.a") == ["conflict"]


def test_only_what_found_a_place_is_called_moved(connect: Chart) -> None:
    env = "launcher.templateValues.pod.env"
    given = [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]
    containers = [{"name": "connect-content", "env": [{"name": "A", "value": "2"}]}]
    there = {"kubernetes": {"defaultResourceJobBase": {"spec": {"template": {"spec": {"containers": containers}}}}}}
    for count, kinds in ((1, []), (2, ["moved"])):
        _, notes = migrate_values({**launcher({"env": given[:count]}), "backends": there}, connect)
        assert notes_of(notes, env) == kinds
        assert notes_of(notes, f"{env}[0]") == ["conflict"]


def test_comments_of_overrides_are_kept(connect: Chart) -> None:
    text = """
sharedStorage: {create: true}
launcher:
  enabled: true
  useTemplates: false
  launcherKubernetesProfilesConf:
    "*":
      job-json-overrides:
        # arm is cheaper
        - target: /spec/template/spec/nodeSelector
          name: arch
          json:
            kubernetes.io/arch: arm64  # since May
"""
    after = run(text, connect).documents[0].text()
    assert "# arm is cheaper" in after
    assert "nodeSelector:\n              kubernetes.io/arch: arm64  # since May" in after


def test_a_mount_that_the_chart_refuses_is_left_out(connect: Chart) -> None:
    mounts = [{"name": "x", "mountPath": "/opt/rstudio-connect/"}, {"name": "x", "mountPath": "/data"}]
    migrated, notes = migrate_values(launcher({"volumeMounts": mounts}), connect)
    content = look_up(migrated, (*POD, "containers", 0))
    assert content == {"name": "connect-content", "volumeMounts": [{"name": "x", "mountPath": "/data"}]}
    assert notes_of(notes, "launcher.templateValues.pod.volumeMounts[0]") == ["dropped"]


def test_a_list_of_which_nothing_is_left_is_not_called_moved(connect: Chart) -> None:
    mounts = [{"name": "x", "mountPath": "/opt/rstudio-connect/"}]
    migrated, notes = migrate_values(launcher({"volumeMounts": mounts}), connect)
    assert migrated["launcher"] == {"enabled": False}
    assert look_up(migrated, POD) is MISSING
    assert notes_of(notes, "launcher.templateValues.pod.volumeMounts") == []
    assert notes_of(notes, "launcher.templateValues.pod.volumeMounts[0]") == ["dropped"]


@pytest.mark.parametrize(
    ("to_version", "config", "kept"),
    [
        ("0.20.5", {}, True),
        ("0.20.7", {}, False),
        ("0.20.7", {"config": {"Kubernetes": {"ConnectRuntimeDir": "/opt/runtime"}}}, True),
    ],
)
def test_a_mount_goes_only_where_the_target_keeps_its_place_for_itself(
    connect: Chart, to_version: str, config: dict[str, Any], kept: bool
) -> None:
    """The runtime has its own directory since chart 0.20.7, and it can be set."""
    mounts = [{"name": "x", "mountPath": "/opt/rstudio-connect-runtime"}]
    migrated, notes = migrate_values(launcher({"volumeMounts": mounts}) | config, connect, to_version=to_version)
    assert (look_up(migrated, (*POD, "containers", 0, "volumeMounts")) == mounts) is kept
    assert [note.key for note in notes if note.needs_decision] == []


def test_an_extra_container_with_the_name_of_the_content_container_stays(connect: Chart) -> None:
    values = launcher({"extraContainers": [{"name": "connect-content", "image": "x"}]})
    migrated, notes = migrate_values(values, connect)
    assert look_up(migrated, POD) is MISSING
    assert notes_of(notes, "launcher.templateValues.pod.extraContainers[0]") == ["conflict"]


def test_template_values_that_had_no_effect_are_not_activated(connect: Chart) -> None:
    migrated, notes = migrate_values(launcher({"nodeSelector": {"a": "b"}}, useTemplates=False), connect)
    assert look_up(migrated, POD) is MISSING
    assert notes_of(notes, "launcher.templateValues.pod.nodeSelector") == ["dropped"]


def test_storage_that_nobody_gave_is_a_question_and_the_rest_is_migrated(connect: Chart) -> None:
    result = run("launcher: {enabled: true, namespace: jobs}\n", connect)
    assert result.exit_code == 2
    assert [note.key for note in result.notes if note.kind == "decision"] == ["sharedStorage"]
    assert result.documents[0].data["backends"] == {"kubernetes": {"enabled": True, "namespace": "jobs"}}


def test_runtime_images_become_execution_environments(connect: Chart) -> None:
    images = [{"name": "a:1", "r": {"installations": [{"path": "/opt/R", "version": "4.3.0"}]}}]
    values = launcher(
        customRuntimeYaml={"name": "Kubernetes", "images": images}, additionalRuntimeImages=[{"name": "b:1"}]
    )
    migrated, _ = migrate_values(values, connect)
    assert migrated["executionEnvironments"] == [*images, {"name": "b:1"}]
    assert migrated["launcher"] == {"enabled": False}


@pytest.mark.parametrize(
    ("value", "kinds"),
    [
        ("base", ["dropped"]),
        ("pro", ["dropped"]),
        ("images: []", ["dropped"]),
        ("no list", ["decision"]),
        (7, ["decision"]),
    ],
)
def test_runtime_lists_without_images_are_named(connect: Chart, value: Any, kinds: list[str]) -> None:
    """The chart refuses the key also with the Launcher off, so it never stays."""
    values = STORAGE | {
        "launcher": {"enabled": False, "customRuntimeYaml": value},
        "backends": {"kubernetes": {"enabled": True}},
    }
    migrated, notes = migrate_values(values, connect)
    assert migrated["launcher"] == {"enabled": False}
    assert notes_of(notes, "launcher.customRuntimeYaml") == kinds


def test_runtime_images_in_a_text_are_read(connect: Chart) -> None:
    migrated, _ = migrate_values(launcher(additionalRuntimeImages="- name: a:1\n  r: {}\n"), connect)
    assert migrated["executionEnvironments"] == [{"name": "a:1", "r": {}}]


def test_an_image_that_is_declared_differently_already_is_a_conflict(connect: Chart) -> None:
    values = launcher(additionalRuntimeImages=[{"name": "a:1", "r": {}}]) | {"executionEnvironments": [{"name": "a:1"}]}
    migrated, notes = migrate_values(values, connect)
    assert migrated["executionEnvironments"] == [{"name": "a:1"}]
    assert notes_of(notes, "launcher.additionalRuntimeImages[0]") == ["conflict"]


def test_overrides_for_everybody_become_the_job_base(connect: Chart) -> None:
    overrides = [
        {"name": "pull", "target": "/spec/template/spec/containers/0/imagePullPolicy", "json": "Always"},
        {"name": "vol", "target": "/spec/template/spec/volumes/-", "json": {"name": "v", "emptyDir": {}}},
        {"name": "label", "target": "/metadata/labels/example.com~1team", "json": "a"},
    ]
    values = launcher(useTemplates=False, launcherKubernetesProfilesConf={"*": {"job-json-overrides": overrides}})
    migrated, notes = migrate_values(values, connect)
    base = look_up(migrated, JOB)
    assert base["metadata"] == {"labels": {"example.com/team": "a"}}
    assert look_up(base, ("spec", "template", "spec")) == {
        "containers": [{"name": "connect-content", "imagePullPolicy": "Always"}],
        "volumes": [{"name": "v", "emptyDir": {}}],
    }
    assert migrated["launcher"] == {"enabled": False}
    assert not [note for note in notes if note.needs_decision]


@pytest.mark.parametrize(
    "profiles",
    [
        {"@group": {"max-cpus": 2}},
        {"*": {"max-mem-mb": 100}},
        {"*": {"job-json-overrides": [{"name": "x", "target": "/spec/template/spec/containers/1/image", "json": "y"}]}},
        [{"*": {"max-cpus": 2}}],
    ],
)
def test_profiles_without_counterpart_stay_until_a_person_decides(connect: Chart, profiles: Any) -> None:
    values = launcher(useTemplates=False, launcherKubernetesProfilesConf=profiles)
    migrated, notes = migrate_values(values, connect)
    assert migrated["launcher"]["launcherKubernetesProfilesConf"] == profiles
    assert "decision" in {note.kind for note in notes}


def test_own_templates_stay_until_a_person_decides(connect: Chart) -> None:
    migrated, notes = migrate_values(launcher(extraTemplates={"job.tpl": "text"}), connect)
    assert migrated["launcher"]["extraTemplates"] == {"job.tpl": "text"}
    assert notes_of(notes, "launcher.extraTemplates") == ["decision"]


def test_a_role_made_by_hand_is_a_question(connect: Chart) -> None:
    _, notes = migrate_values(launcher() | {"rbac": {"create": False}}, connect)
    assert notes_of(notes, "rbac.create") == ["decision"]


def test_keys_that_only_the_launcher_knows_go_and_unknown_ones_stay(connect: Chart) -> None:
    values = launcher() | {
        "config": {"Launcher": {"KubernetesUseTemplates": True, "Custom": 1, "KubernetesNamespace": "n"}}
    }
    migrated, notes = migrate_values(values, connect)
    assert migrated["config"] == {"Launcher": {"Custom": 1}}
    assert migrated["backends"]["kubernetes"]["namespace"] == "n"
    assert notes_of(notes, "config.Launcher.Custom") == ["kept"]


def test_keys_that_the_chart_manages_are_taken_out_of_config(connect: Chart) -> None:
    values = launcher() | {"config": {"Kubernetes": {"Enabled": False, "Namespace": "n", "DataDirPVCName": "d"}}}
    migrated, _ = migrate_values(values, connect)
    assert migrated["config"] == {"Kubernetes": {"DataDirPVCName": "d"}}
    assert migrated["backends"]["kubernetes"]["namespace"] == "n"


def test_settings_that_no_template_read_are_told_and_kept(connect: Chart) -> None:
    migrated, notes = migrate_values(launcher({"dnsPolicy": "None"}), connect)
    assert migrated["launcher"]["templateValues"] == {"pod": {"dnsPolicy": "None"}}
    assert notes_of(notes, "launcher.templateValues.pod.dnsPolicy") == ["kept"]


def test_local_execution_is_not_moved_off_host_without_asking(connect: Chart) -> None:
    text = "sharedStorage: {create: true}\nreplicas: 1\n"
    result = run(text, connect, from_version="0.7.4")
    assert result.documents[0].text() == text
    assert [note.key for note in result.notes if note.needs_decision] == ["backends.kubernetes.enabled"]


def test_local_execution_that_was_chosen_stays(connect: Chart) -> None:
    text = "launcher: {enabled: false}\nbackends: {kubernetes: {enabled: false}}\n"
    result = run(text, connect, from_version="0.9.5")
    assert (result.exit_code, result.changed) == (0, False)


def test_the_launcher_by_default_is_left_too(connect: Chart) -> None:
    """From 0.8.0 to 0.20.0 the Launcher ran without being asked for."""
    text = "sharedStorage: {create: true}\nlauncher: {namespace: jobs}\n"
    result = run(text, connect, from_version="0.8.38")
    assert result.documents[0].data["backends"]["kubernetes"]["namespace"] == "jobs"


def test_a_target_that_runs_the_launcher_by_default_is_told_not_to(connect: Chart) -> None:
    result = run("sharedStorage: {create: true}\n", connect, from_version="0.8.38", to_version="0.9.5")
    assert result.documents[0].data["launcher"] == {"enabled": False}
    assert result.documents[0].data["backends"] == {"kubernetes": {"enabled": True}}


def test_a_target_without_the_direct_runner_leaves_the_launcher_alone(connect: Chart) -> None:
    text = "sharedStorage: {create: true}\nlauncher: {enabled: true, templateValues: {pod: {env: [{name: A}]}}}\n"
    assert not run(text, connect, to_version="0.8.38").changed


@pytest.mark.parametrize("values", [{"versionOverride": "2025.01.0"}, {"image": {"tag": "ubuntu2204-2025.01.0"}}])
def test_a_pinned_product_that_has_no_direct_runner_is_a_question(connect: Chart, values: dict[str, Any]) -> None:
    _, notes = migrate_values(launcher() | values, connect)
    assert any(note.kind == "decision" and "2026.04.0" in note.message for note in notes)


def test_a_key_that_the_old_chart_spelled_false_is_dropped_and_overwrites_nothing(connect: Chart) -> None:
    """Whole values files of charts before 0.3.10 hold it; moved, it would name an account "false"."""
    values, notes = migrate_values(
        {"pod": {"serviceAccountName": False}, "rbac": {"serviceAccount": {"name": ""}}}, connect
    )
    assert values == {"rbac": {"serviceAccount": {"name": ""}}}
    assert ("dropped", "pod.serviceAccountName") in {(note.kind, note.key) for note in notes}


@pytest.mark.parametrize("enabled", [True, False])
def test_an_old_block_that_was_switched_off_by_false_is_dropped(connect: Chart, enabled: bool) -> None:
    """It rendered, so that what comes of it must: the new place wants a map."""
    values = STORAGE | {"launcher": {"enabled": enabled, "contentInitContainer": False}}
    after, notes = migrate_values(values, connect, from_version="0.8.38")
    assert "contentInitContainer" not in after["launcher"]
    assert "defaultInitContainer" not in after["launcher"]
    assert notes_of(notes, "launcher.contentInitContainer") == ["dropped"]


def test_a_switch_that_helm_takes_for_true_stays_as_it_is_written(connect: Chart) -> None:
    values, _ = migrate_values({"launcher": {"enabled": "yes"}, "backends": {"kubernetes": {"enabled": "on"}}}, connect)
    assert values == {"launcher": {"enabled": False}, "backends": {"kubernetes": {"enabled": "on"}}}


def test_several_files_merge_to_what_one_file_would_become(connect: Chart) -> None:
    """Helm replaces lists: the later file's container must hold what the earlier one gave it."""
    base = (
        "sharedStorage: {create: true}\n"
        "launcher:\n  enabled: true\n  templateValues: {pod: {env: [{name: A, value: '1'}]}}\n"
    )
    over = "launcher:\n  templateValues:\n    pod:\n      imagePullPolicy: Always # over\n"
    result = migrate([Document.parse(base, "base.yaml"), Document.parse(over, "over.yaml")], connect)
    first, second = (document.data for document in result.documents)
    assert look_up(first, (*POD, "containers")) == [{"name": "connect-content", "env": [{"name": "A", "value": "1"}]}]
    assert look_up(second, (*POD, "containers")) == [
        {"name": "connect-content", "env": [{"name": "A", "value": "1"}], "imagePullPolicy": "Always"}
    ]
    assert "launcher" not in second
    assert not migrate(result.documents, connect).changed


def test_package_manager_loses_what_its_chart_refuses(package_manager: Chart) -> None:
    values = {
        "image": {"tagPrefix": "jammy-", "tag": "1"},
        "config": {"Launcher": {"ServerUser": "root"}, "Server": {"A": 1}},
    }
    migrated, notes = migrate_values(values, package_manager)
    assert migrated == {"image": {"tag": "1"}, "config": {"Server": {"A": 1}}}
    assert {note.key for note in notes} == {"image.tagPrefix", "config.Launcher.ServerUser"}


def test_a_prefix_that_a_repository_of_ones_own_gets_its_tag_by_waits_for_a_person(package_manager: Chart) -> None:
    image = {"repository": "registry.example/pm", "tagPrefix": "jammy-"}
    migrated, notes = migrate_values({"image": image}, package_manager)
    assert migrated == {"image": image}
    assert [(note.kind, note.key) for note in notes] == [("decision", "image.tagPrefix")]
    assert "set image.tag " in notes[0].message
    # With the tag said, and from Posit's own repository, nothing hangs on the prefix.
    for other in ({"tag": "jammy-2024.08.0"}, {"repository": "registry.example/posit/package-manager"}):
        assert migrate_values({"image": image | other}, package_manager)[1][0].kind == "dropped"


def test_an_init_container_of_ones_own_image_moves_and_its_prefix_waits(connect: Chart) -> None:
    own = {"repository": "registry.example/init", "tagPrefix": "jammy-"}
    values = {"launcher": {"enabled": True, "defaultInitContainer": own}, "sharedStorage": {"create": True}}
    migrated, notes = migrate_values(values, connect)
    assert look_up(migrated, ("backends", "kubernetes", "defaultInitContainer")) == own
    assert [note.key for note in notes if note.needs_decision] == ["backends.kubernetes.defaultInitContainer.tagPrefix"]


def test_plain_values_are_not_changed_in_place(connect: Chart) -> None:
    values = launcher({"nodeSelector": {"a": "b"}})
    migrate_values(values, connect)
    assert values["launcher"]["enabled"] is True


def test_the_json_shape(connect: Chart) -> None:
    shape = as_json(run("launcher: {enabled: true}\n", connect))
    assert shape["schema"] == "posit-audit.migrate/v1"
    assert (shape["needs_decision"], shape["changed"]) == (True, True)
    assert shape["documents"][0]["source"] == "values.yaml"
    assert {"kind", "key", "message", "source", "file", "line", "column"} <= shape["notes"][0].keys()


def test_every_row_names_a_source_and_says_what_it_does() -> None:
    rows = mapping_rows()
    assert len({row.id for row in rows}) == len(rows)
    for row in rows:
        assert row.source.startswith("https://"), row.id
        assert row.to or row.message, row.id


@pytest.mark.parametrize("row", [row for row in mapping_rows() if row.transform == "move"], ids=lambda row: row.id)
def test_every_moved_key_leaves_its_place_or_clashes(connect: Chart, row: Any) -> None:
    """Each row on its own: what stood at its key stands at its target, with nothing left behind."""
    value = {"tag": "v"} if row.without else [{"name": "n", "mountPath": "/m", "ip": "1"}] if row.identity else "v"
    values: dict[str, Any] = dict(STORAGE)
    branch = values
    *parents, last = split_key(row.key)
    for part in parents:
        branch = branch.setdefault(part, {})
    branch[last] = value
    if last == "tagPrefix":  # of Posit's own repository it would go in the end
        branch["repository"] = "registry.example/init"
    if row.when == "runner":
        values.setdefault("launcher", {})["enabled"] = True
    if row.when == "local":
        values.setdefault("launcher", {})["enabled"] = False
    migrated, notes = migrate_values(values, connect)
    assert look_up(migrated, split_key(row.key)) is MISSING
    told = [note.key for note in notes if note.kind == "moved"]
    assert any(key == row.key or key.startswith(f"{row.key}.") for key in told), told
    place = [int(p) if p.isdigit() else p for p in split_key(row.to.replace("[connect-content]", ".0"))]
    assert look_up(migrated, place) == value, join_key(place)
