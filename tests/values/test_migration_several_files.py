"""Several files together: what a person would be asked about their merged values is asked of them too."""

from __future__ import annotations

from auditor.catalog import Chart
from auditor.model.keypath import look_up
from auditor.values.document import Document
from auditor.values.migration import Migration, migrate

STORAGE = "sharedStorage: {create: true}\n"
CONTAINERS = "backends.kubernetes.defaultResourceJobBase.spec.template.spec.containers"


def run(chart: Chart, **texts: str) -> Migration:
    documents = [Document.parse(text, f"{name}.yaml") for name, text in texts.items()]
    return migrate(documents, chart, from_version="0.8.10")


def asked(result: Migration) -> list[tuple[str, str, str]]:
    return [(note.kind, note.key, note.file) for note in result.notes if note.needs_decision]


def test_a_conflict_between_files_leaves_both_where_they_are(connect: Chart) -> None:
    over = "backends:\n  kubernetes:\n    namespace: c\n"
    result = run(connect, base=f"{STORAGE}launcher: {{enabled: true, namespace: a}}\n", over=over)
    assert asked(result) == [("conflict", "launcher.namespace", "base.yaml")]
    assert look_up(result.documents[0].data, ("launcher", "namespace")) == "a"
    assert result.documents[1].text() == over
    again = migrate(result.documents, connect, from_version="0.8.10")
    assert (again.changed, asked(again)) == (False, asked(result))


def test_of_a_map_only_what_clashes_with_another_file_stays(connect: Chart) -> None:
    pod = (
        "launcher:\n  enabled: true\n  templateValues:\n    pod:\n      nodeSelector:\n        a: '1'\n        b: '1'\n"
    )
    job = "backends: {kubernetes: {defaultResourceJobBase: {spec: {template: {spec: {nodeSelector: {a: '2'}}}}}}}\n"
    result = run(connect, base=STORAGE + pod, over=job)
    assert asked(result) == [("conflict", "launcher.templateValues.pod.nodeSelector.a", "base.yaml")]
    first = result.documents[0].data
    assert look_up(first, ("launcher", "templateValues", "pod")) == {"nodeSelector": {"a": "1"}}
    path = ("backends", "kubernetes", "defaultResourceJobBase", "spec", "template", "spec", "nodeSelector")
    assert look_up(first, path) == {"b": "1"}


def test_what_only_the_merged_values_show_is_told_of_the_file_that_says_it(connect: Chart) -> None:
    override = "{name: x, target: /spec/template/spec/priorityClassName, json: high}"
    profiles = f"  launcherKubernetesProfilesConf: {{'*': {{job-json-overrides: [{override}]}}}}\n"
    job = "backends: {kubernetes: {defaultResourceJobBase: {spec: {template: {spec: {priorityClassName: low}}}}}}\n"
    result = run(connect, base=f"{STORAGE}launcher:\n  enabled: true\n{profiles}", over=job)
    key = "launcher.launcherKubernetesProfilesConf.*.job-json-overrides[0]"
    assert asked(result) == [("decision", key, "base.yaml")]


def test_a_list_that_takes_over_what_another_file_said_is_a_decision(connect: Chart) -> None:
    """The other file may hold secrets, and this one may be in a repository."""
    pod = "launcher:\n  templateValues:\n    pod:\n"
    secrets = f"{pod}      env: [{{name: TOKEN, value: hunter2}}]\n"
    values = f"{STORAGE}{pod}      resources: {{limits: {{cpu: 1}}}}\n"
    result = run(connect, secrets=secrets, values=values)
    assert asked(result) == [("decision", CONTAINERS, "values.yaml")]
    note = next(note for note in result.notes if note.needs_decision)
    assert "secrets.yaml" in note.message
    assert "hunter2" not in note.message


def test_a_list_that_takes_over_nothing_new_is_no_decision(connect: Chart) -> None:
    pod = "launcher:\n  templateValues:\n    pod:\n"
    base = f"{STORAGE}{pod}      env: [{{name: A, value: x}}]\n"
    over = f"replicas: x\nextra: [A]\n{pod}      resources: {{limits: {{cpu: 1}}}}\n"
    result = run(connect, base=base, over=over)
    assert asked(result) == []
    assert ("kept", CONTAINERS) in [(note.kind, note.key) for note in result.notes]


def test_a_setting_that_another_file_overrules_is_told_in_words_that_fit(connect: Chart) -> None:
    pod = "launcher: {enabled: true, templateValues: {pod: "
    base = f"{STORAGE}{pod}{{securityContext: {{fsGroup: 2}}}}}}}}\n"
    result = run(connect, base=base, over=f"{pod}{{defaultSecurityContext: {{fsGroup: 1}}}}}}}}\n")
    note = next(note for note in result.notes if note.kind in ("kept", "decision") and note.key.endswith("fsGroup"))
    assert "list" not in note.message
    assert "base.yaml" in note.message
