"""Values as owners of a Launcher write them, for property tests."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

WORDS = st.sampled_from(
    ["a", "b", "team", "y", "1e3", "08", "x: y", "#c", "two words", "multi\nline\n", "é", "", "true"]
)
SCALARS = WORDS | st.booleans() | st.integers(0, 2_000_000) | st.none()
LABELS = st.dictionaries(st.sampled_from(["app", "example.com/team", "n"]), WORDS, max_size=3)


def _named(name: str, extra: st.SearchStrategy[dict[str, Any]], names: list[str]) -> st.SearchStrategy[Any]:
    return st.lists(
        st.builds(lambda n, more: {name: n, **more}, st.sampled_from(names), extra),
        max_size=3,
        unique_by=lambda item: item[name],
    )


_nothing = st.just({})
_context = st.dictionaries(
    st.sampled_from(["runAsUser", "runAsGroup", "supplementalGroups", "fsGroup", "runAsNonRoot"]),
    st.integers(0, 2000) | st.booleans(),
    max_size=4,
)
_containers = _named("name", st.builds(lambda i: {"image": i}, WORDS), ["log", "wait", "connect-content", "proxy"])
POD = st.fixed_dictionaries(
    {},
    optional={
        "labels": LABELS,
        "annotations": LABELS,
        "nodeSelector": LABELS,
        "tolerations": st.lists(st.builds(lambda k: {"key": k, "operator": "Exists"}, WORDS), max_size=2),
        "affinity": st.just({}) | st.just({"nodeAffinity": {"x": [1, {"y": "n"}]}}),
        "securityContext": _context,
        "defaultSecurityContext": _context,
        "serviceAccountName": st.sampled_from(["", "content", "y"]),
        "imagePullSecrets": _named("name", _nothing, ["regcred", "other"]),
        "priorityClassName": st.sampled_from(["", "high"]),
        "hostAliases": _named("ip", _nothing, ["10.0.0.1", "10.0.0.2"]),
        "volumes": _named("name", st.just({"emptyDir": {}}), ["data", "conf", "rsc-volume"]),
        "volumeMounts": _named(
            "mountPath", st.just({"name": "data"}), ["/data", "/opt/rstudio-connect", "/opt/rstudio-connect-runtime/"]
        ),
        "initContainers": _containers,
        "extraContainers": _containers,
        "env": _named("name", st.builds(lambda v: {"value": v}, WORDS), ["A", "B", "C"]),
        "resources": st.dictionaries(st.sampled_from(["limits", "requests"]), LABELS),
        "imagePullPolicy": st.sampled_from(["", "Always"]),
        "containerSecurityContext": _context,
        "command": st.lists(WORDS, max_size=2),
        "enableServiceLinks": st.booleans(),
        "dnsPolicy": WORDS,
    },
)
TEMPLATE_VALUES = st.fixed_dictionaries(
    {},
    optional={
        "job": st.fixed_dictionaries(
            {}, optional={"labels": LABELS, "annotations": LABELS, "ttlSecondsAfterFinished": st.integers(0, 9)}
        ),
        "pod": POD,
        "service": st.fixed_dictionaries(
            {}, optional={"labels": LABELS, "annotations": LABELS, "type": st.sampled_from(["ClusterIP", "NodePort"])}
        ),
    },
)
_image = st.fixed_dictionaries(
    {"name": st.sampled_from(["img:1", "img:2", "img:3"])},
    optional={"r": st.just({"installations": [{"version": "4.3.0"}]})},
)
_odd_image = st.sampled_from([{}, {"name": ""}, "text"])
_override = st.fixed_dictionaries(
    {
        "name": WORDS,
        "target": st.sampled_from(
            [
                "/spec/template/spec/containers/0/imagePullPolicy",
                "/spec/template/spec/containers/0/env/-",
                "/spec/template/spec/tolerations/-",
                "/metadata/labels/example.com~1team",
                "/spec/template/spec/containers/1/image",
                "nonsense",
            ]
        ),
        "json": SCALARS | LABELS,
    }
)
LAUNCHER = st.fixed_dictionaries(
    {},
    optional={
        "enabled": st.booleans(),
        "namespace": st.sampled_from(["", "content"]),
        "useTemplates": st.booleans(),
        "includeDefaultTemplates": st.booleans(),
        "includeTemplateValues": st.booleans(),
        "extraTemplates": st.dictionaries(st.just("job.tpl"), WORDS),
        "templateValues": TEMPLATE_VALUES,
        "defaultInitContainer": st.fixed_dictionaries(
            {},
            optional={
                "enabled": st.booleans(),
                "repository": st.just("example.com/init"),
                "tag": st.sampled_from(["", "1"]),
                "tagPrefix": st.sampled_from(["", "jammy-"]),
                "os": st.just("ubuntu-24.04"),
                "imagePullPolicy": st.sampled_from(["", "Always"]),
                "resources": st.dictionaries(st.just("limits"), LABELS),
            },
        ),
        "customRuntimeYaml": st.sampled_from(
            ["", "base", "pro", "name: Kubernetes\nimages: []\n", "images: [{name: z:1}]", "?["]
        )
        | st.builds(lambda images: {"name": "Kubernetes", "images": images}, st.lists(_image | _odd_image, max_size=2)),
        "additionalRuntimeImages": st.lists(_image, max_size=2) | st.just("- name: text:1\n"),
        "launcherKubernetesProfilesConf": st.dictionaries(
            st.sampled_from(["*", "@group", "user"]),
            st.fixed_dictionaries(
                {}, optional={"max-cpus": st.integers(1, 4), "job-json-overrides": st.lists(_override, max_size=3)}
            ),
        ),
    },
)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "launcher": LAUNCHER,
        "sharedStorage": st.fixed_dictionaries(
            {},
            optional={
                "create": st.sampled_from([True, True, False]),
                "mount": st.booleans(),
                "subPath": st.sampled_from(["", "content"]),
            },
        ),
        "config": st.fixed_dictionaries(
            {},
            optional={
                "Launcher": st.dictionaries(
                    st.sampled_from(["DataDirPVCName", "DataDir", "Enabled", "KubernetesNamespace", "Other"]), WORDS
                ),
                "Kubernetes": st.fixed_dictionaries(
                    {},
                    optional={
                        "DataDirPVCName": WORDS,
                        "Namespace": st.sampled_from(["", "content"]),
                        "Enabled": st.sampled_from([True, False, "0", "n"]),
                    },
                ),
                "Server": st.dictionaries(st.sampled_from(["Address", "n"]), SCALARS),
            },
        ),
        "backends": st.fixed_dictionaries(
            {
                "kubernetes": st.fixed_dictionaries(
                    {},
                    optional={
                        "enabled": st.booleans(),
                        "namespace": st.sampled_from(["", "content"]),
                        "defaultResourceJobBase": st.builds(
                            lambda pod: {"spec": {"template": {"spec": pod}}},
                            st.fixed_dictionaries(
                                {},
                                optional={
                                    "containers": _named(
                                        "name",
                                        st.builds(lambda e: {"env": e}, st.just([{"name": "A", "value": "z"}])),
                                        ["connect-content", "log"],
                                    ),
                                    "nodeSelector": LABELS,
                                    "volumes": _named("name", _nothing, ["data"]),
                                },
                            ),
                        ),
                    },
                )
            }
        ),
        "image": st.fixed_dictionaries(
            {}, optional={"tagPrefix": st.sampled_from(["", "jammy-"]), "tag": st.sampled_from(["", "2024.08.0", "x"])}
        ),
        "executionEnvironments": st.lists(_image, max_size=2),
        "pod": st.fixed_dictionaries(
            {}, optional={"nodeSelector": LABELS, "serviceAccountName": st.sampled_from(["", "connect"])}
        ),
        "rbac": st.fixed_dictionaries({}, optional={"create": st.booleans()}),
    },
)


def written(values: Any, draw: Any = None) -> str:
    """Values as JSON, which is YAML in flow style."""
    return json.dumps(values)
