"""What the Job Launcher would have run: its templates, rendered with real Helm as a chart of their own.

Helm ships job.tpl to the Launcher without rendering it. The Launcher renders it for each content item, with the
item below `.Job` and the chart's templateValues from rstudio-library-templates-data.tpl.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.chart_repository import find_helm

DATA = "rstudio-library-templates-data.tpl"

# What the Launcher knows of a content item that asks for nothing.
PLAIN_CONTENT: Mapping[str, Any] = {
    "id": "content-1",
    "generateName": "content-",
    "instanceId": "instance-1",
    "exe": "/opt/rstudio-connect/ext/connect-run",
    "serviceAccountName": "",
    "container": {"image": "registry.example.com/content:1"},
    "environment": [],
    "volumes": [],
    "volumeMounts": [],
    "resources": {},
    "ports": [{"port": 80, "targetPort": 8080}],
}


def launcher_object(templates: Mapping[str, str], content: Mapping[str, Any], kind: str = "job") -> dict[str, Any]:
    """The Job (or, with kind "service", the Service) that the Launcher makes for `content`.

    `templates` is the data of the ConfigMap `<fullname>-templates`, `content` has the keys of PLAIN_CONTENT and
    may have runAsUserId, runAsGroupId and supplementalGroupIds in its container.
    """
    with tempfile.TemporaryDirectory() as scratch:
        chart = Path(scratch)
        (chart / "templates").mkdir()
        (chart / "Chart.yaml").write_text("{apiVersion: v2, name: launcher, version: 0.0.0}")
        (chart / "values.yaml").write_text(json.dumps({"Job": content}))
        (chart / "templates" / "_data.tpl").write_text(templates[DATA])
        template = '{{- define "object" }}' + templates[f"{kind}.tpl"] + '{{- end }}{{ include "object" .Values }}'
        (chart / "templates" / "object.yaml").write_text(template)
        rendered = subprocess.run(
            [find_helm(), "template", "launcher", chart], capture_output=True, text=True, check=True
        )
    made: dict[str, Any] = yaml.safe_load(rendered.stdout)
    return made


def template_values(templates: Mapping[str, str]) -> dict[str, Any]:
    """launcher.templateValues as the chart hands them to the Launcher, the runtime included."""
    made: dict[str, Any] = json.loads(templates[DATA].splitlines()[1])
    return made
