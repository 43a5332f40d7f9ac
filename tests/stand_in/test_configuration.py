"""`config` becomes the configuration file, with the traps of the real charts."""

from __future__ import annotations

import pytest
import yaml

from tests.stand_in.rendering import CHARTS, DIRECT, LAUNCHER, LOCAL, NAMESPACE, STORAGE, Helm, Values, gcfg


def test_form(helm: Helm) -> None:
    config = {
        'Cache "b"': {"List": ["one", "two"], "Nothing": None, "Text": "", "Empty": []},
        "Apart": {},
        "HTTP": {"Listen": None},
    }
    text = gcfg(helm.template("rstudio-pm", "0.20.4", {"config": config}))
    cache = '[Cache "b"]\nList = one\nList = two\nNothing = \nText = \n'
    assert text == f"[Apart]\n\n{cache}\n[HTTP]\n\n[Metrics]\nEnabled = true\n"


@pytest.mark.parametrize(("chart", "version"), CHARTS)
def test_traps(helm: Helm, chart: str, version: str) -> None:
    config = "config: {Traps: {A: 999999, B: 1000000, C: 10485760, D: {a: 1}, E: '1000000', F: 'a;b#c'}}"
    values = STORAGE | {"config": {"Placeholder": {}}}
    path = helm.written(values)
    path.write_text(f"sharedStorage: {{create: true}}\n{config}\n")
    archive = helm.repository.archive(chart, version)
    text = gcfg([m for m in yaml.safe_load_all(helm.run("template", "rel", archive, "--values", path)) if m])
    lines = ["A = 999999", "B = 1e+06", "C = 1.048576e+07", "D = map[a:1]", "E = 1000000", "F = a;b#c"]
    assert "[Traps]\n" + "\n".join(lines) in text


def test_old_connect_prints_a_map_for_graphite(helm: Helm) -> None:
    values = {"config": {"Metrics": {"GraphiteEnabled": True}}}
    text = gcfg(helm.template("rstudio-connect", "0.7.4", values))
    assert text.startswith("map[")
    assert "GraphiteEnabled = false" in text


def test_user_wins_over_what_connect_adds(helm: Helm) -> None:
    values = DIRECT | {"config": {"Launcher": {"Enabled": True}, "Kubernetes": {"DataDirPVCName": "mine"}}}
    text = gcfg(helm.template("rstudio-connect", "0.21.0", values))
    assert "[Launcher]\nEnabled = true\n" in text
    assert "DataDirPVCName = mine\n" in text


@pytest.mark.parametrize(
    ("version", "values", "present", "absent"),
    [
        ("0.7.4", LOCAL, [], ["[Launcher]", "[Kubernetes]"]),
        (
            "0.7.4",
            LAUNCHER,
            ["ClusterDefinition = /etc/rstudio-connect/runtime.yaml", "ScratchPath", "Enabled = true"],
            ["[Kubernetes]"],
        ),
        ("0.21.0", LOCAL, ["[Launcher]\n\n", "[Kubernetes]\n\n"], ["KubernetesNamespace", "DataDirPVCName"]),
        (
            "0.21.0",
            LAUNCHER,
            ["DataDirPVCName = rel-rstudio-connect-shared-storage", "[Kubernetes]\n\n"],
            ["ClusterDefinition"],
        ),
        (
            "0.21.0",
            DIRECT,
            [
                "[Launcher]\n\n",
                "ConnectRuntimeDir = /opt/rstudio-connect-runtime\n",
                "DefaultResourceJobBase = /etc/rstudio-connect/job.yaml\n",
                f"Enabled = true\nNamespace = {NAMESPACE}\n",
            ],
            ["DefaultResourceServiceBase", "DataDirPVCSubPath"],
        ),
    ],
)
def test_modes_of_connect(helm: Helm, version: str, values: Values, present: list[str], absent: list[str]) -> None:
    text = gcfg(helm.template("rstudio-connect", version, values))
    assert [part for part in present if part not in text] == []
    assert [part for part in absent if part in text] == []
