"""Two Connect and two Package Manager releases with planted faults on a real cluster: for the demo and for the
end-to-end tests.

`CANARIES` are planted wherever a secret may sit; none of them may appear in any output of posit-audit.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

FILES = 2_000
"""How many root-owned files lie on the volume of release packages/pm."""

CANARIES = {
    "license file": "CANARY-LICENSE-FILE-7f3a",
    "license key": "CANA-RYKE-Y000-1111-2222-3333-4444",
    "database password": "CANARY-DATABASE-PASSWORD-91bc",
    "gcfg secret": "CANARY-OAUTH-CLIENT-SECRET-5d2e",
    "environment": "CANARY-ENVIRONMENT-VALUE-c04f",
}

PUBLISHING, DASHBOARDS, CONTENT, PACKAGES, LEGACY = (
    "publishing",
    "dashboards",
    "dashboards-content",
    "packages",
    "packages-legacy",
)
NAMESPACES = (PUBLISHING, DASHBOARDS, CONTENT, PACKAGES, LEGACY)

RELEASES = {
    (PUBLISHING, "connect"): ("rstudio-connect", "0.7.4"),
    (DASHBOARDS, "dash"): ("rstudio-connect", "0.21.0"),
    (PACKAGES, "pm"): ("rstudio-pm", "0.20.4"),
    (LEGACY, "pm"): ("rstudio-pm", "0.3.9"),
}

PLANTED = {
    (PUBLISHING, "connect", "content-data-inaccessible"),
    (PUBLISHING, "connect", "content-service-account-unlabelled"),
    (PUBLISHING, "connect", "license-secret-key-missing"),
    (PUBLISHING, "connect", "server-service-account-labelled"),
    (DASHBOARDS, "dash", "content-service-account-unlabelled"),
    (DASHBOARDS, "dash", "license-several-sources"),
    (DASHBOARDS, "dash", "license-in-values"),
    (DASHBOARDS, "dash", "value-removed"),
    (PACKAGES, "pm", "volume-files-wrong-owner"),
    (PACKAGES, "pm", "root-license-activations"),
    (PACKAGES, "pm", "enable-migrations-misspelled"),
    (PACKAGES, "pm", "license-whitespace"),
    (PACKAGES, "pm", "license-in-values"),
    (LEGACY, "pm", "runs-as-root"),
    (LEGACY, "pm", "license-missing"),
}
"""(namespace, release, rule) of each planted fault."""

VALUES: Mapping[tuple[str, str], dict[str, Any]] = {
    (PUBLISHING, "connect"): {
        "securityContext": None,
        "sharedStorage": {"create": True, "mount": True, "storageClassName": "estate"},
        "license": {"file": {"secret": "connect-license", "secretKey": "license.lic"}},
        "config": {
            "Server": {"Address": "http://connect.example"},
            "Postgres": {"Password": CANARIES["database password"]},
            "OAuth2": {"ClientSecret": CANARIES["gcfg secret"]},
        },
        "launcher": {"enabled": True, "templateValues": {"pod": {"serviceAccountName": "connect-content"}}},
        "pod": {"env": [{"name": "PLAIN_ENV", "value": CANARIES["environment"]}]},
    },
    (DASHBOARDS, "dash"): {
        "sharedStorage": {"create": True, "mount": True, "storageClassName": "estate"},
        "license": {
            "key": CANARIES["license key"],
            "file": {"secret": "connect-license", "secretKey": "license.lic"},
        },
        "config": {"Postgres": {"Password": CANARIES["database password"]}},
        "backends": {
            "kubernetes": {
                "namespace": CONTENT,
                "defaultInitContainer": {"os": "ubuntu-24.04"},
                "defaultResourceJobBase": {"spec": {"template": {"spec": {"serviceAccountName": "analyst"}}}},
            }
        },
    },
    (PACKAGES, "pm"): {
        "sharedStorage": {"create": True, "mount": True, "storageClassName": "estate"},
        "license": {"key": CANARIES["license key"] + "\n"},
        "enableMigrations": False,
        "config": {"Postgres": {"Password": CANARIES["database password"]}},
    },
    (LEGACY, "pm"): {
        "sharedStorage": {"create": True, "mount": True, "storageClassName": "estate"},
        "config": {"Git": {"ClientSecret": CANARIES["gcfg secret"]}},
    },
}

_CLAIMS = {
    (PUBLISHING, "connect"): "connect-rstudio-connect-shared-storage",
    (DASHBOARDS, "dash"): "dash-rstudio-connect-shared-storage",
    (PACKAGES, "pm"): "pm-rstudio-pm-shared-storage",
    (LEGACY, "pm"): "pm-rstudio-pm-shared-storage",
}
_BUNDLES = {(PUBLISHING, "connect"): "apps/17/3", (DASHBOARDS, "dash"): "apps/42/1"}
"""The part of Connect's data that content mounts. The first was restored as root, who shut it to everybody else."""
_SERVER_IMAGE = "docker.io/posit/package-manager:2026.08.0-ubuntu-24.04"


class Estate:
    """Builds the estate with the kubectl and Helm given. `say` is told what is being done."""

    def __init__(
        self,
        *,
        kubeconfig: Path,
        kubectl: Path,
        helm: Path,
        repository: str,
        volumes: str,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.kubeconfig, self.kubectl_binary, self.helm_binary = kubeconfig, kubectl, helm
        self.repository, self.volumes, self.say = repository, volumes, say

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self._run([str(self.kubectl_binary), f"--kubeconfig={self.kubeconfig}", *arguments], stdin)

    def helm(self, *arguments: str, stdin: str | None = None) -> str:
        return self._run([str(self.helm_binary), f"--kubeconfig={self.kubeconfig}", *arguments], stdin)

    @staticmethod
    def _run(command: list[str], stdin: str | None) -> str:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-800:]}")
        return done.stdout

    def create(self, *objects: Mapping[str, Any]) -> None:
        self.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))

    def build(self) -> None:
        """Everything, until the pods of all four releases are ready."""
        self.say("creating namespaces, volumes, Secrets and service accounts")
        self.create(*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in NAMESPACES))
        self.create(_storage_class(), *(self._volume(*key, claim) for key, claim in _CLAIMS.items()))
        dash = _CLAIMS[DASHBOARDS, "dash"]  # content elsewhere has a claim of its own, with the same data behind it
        self.create(self._volume(DASHBOARDS, "dash", dash, claimed_from=CONTENT), _claim(CONTENT, dash))
        self.create(
            _secret(PUBLISHING, "connect-license", {"rstudio-connect.lic": CANARIES["license file"]}),
            _secret(DASHBOARDS, "connect-license", {"license.lic": CANARIES["license file"]}),
            _account(PUBLISHING, "connect-content"),
            _account(CONTENT, "analyst"),
        )
        self.say(f"filling the volume of {PACKAGES}/pm with {FILES} files that belong to root, and those of Connect")
        self._fill()
        for (namespace, release), (chart, version) in RELEASES.items():
            self.say(f"installing {chart} {version} as {namespace}/{release}")
            self.install(namespace, release, chart, version, VALUES[namespace, release])
        self.say("starting content, and labelling the account that should not be labelled")
        self.create(
            _content_job(PUBLISHING, "launched-report", "connect-content", (PUBLISHING, "connect"), launcher=True),
            _content_job(CONTENT, "dashboard-17", "analyst", (DASHBOARDS, "dash")),
            _content_job(CONTENT, "dashboard-18", "default", (DASHBOARDS, "dash")),
        )
        self.kubectl(
            *("label", "serviceaccount", "connect-rstudio-connect", "connect.posit.co/service-account=true"),
            *("-n", PUBLISHING),
        )
        self.say("waiting for the pods")
        for namespace in (PUBLISHING, DASHBOARDS, PACKAGES, LEGACY):
            self.kubectl("rollout", "status", "deployment", "-n", namespace, "--timeout=400s")

    def install(self, namespace: str, release: str, chart: str, version: str, values: Mapping[str, Any]) -> None:
        self.helm(
            *("upgrade", "--install", release, chart, "--repo", self.repository, "--version", version),
            *("-n", namespace, "-f", "-"),
            stdin=json.dumps(values),
        )

    def destroy(self) -> None:
        """Pods first: a namespace that is deleted before its pods takes over a minute."""
        for namespace, release in RELEASES:
            self.helm("uninstall", release, "-n", namespace, "--ignore-not-found")
        for namespace in NAMESPACES:
            self.kubectl("delete", "jobs,pods", "--all", "-n", namespace, "--grace-period=0", "--force")
        self.kubectl("delete", "namespace", *NAMESPACES, "--wait=false")
        self.kubectl("delete", "pv", "-l", "posit-audit/estate", "--wait=false")

    def owners(self, namespace: str = PACKAGES) -> str:
        """`ls -n` at the top of the volume and how many entries belong to whom, asked in the server's pod. Our own
        record of what was changed stays root's and is not counted."""
        script = (
            "ls -nA /var/lib/rstudio-pm; echo; "
            "find /var/lib/rstudio-pm ! -name '.posit-audit*' -printf '%U:%G\\n' | sort | uniq -c"
        )
        return self.kubectl("exec", "-n", namespace, "deploy/pm-rstudio-pm", "-c", "rspm", "--", "bash", "-c", script)

    def _volume(self, namespace: str, release: str, claim: str, *, claimed_from: str = "") -> dict[str, Any]:
        """The release's folder, for the claim of that name in its namespace or in `claimed_from`."""
        return {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {
                "name": f"estate-{claimed_from or namespace}-{release}",
                "labels": {"posit-audit/estate": "true"},
            },
            "spec": {
                "capacity": {"storage": "10Gi"},
                "accessModes": ["ReadWriteMany"],
                "storageClassName": "estate",
                "persistentVolumeReclaimPolicy": "Retain",
                "hostPath": {"path": f"{self.volumes}/{namespace}-{release}", "type": "DirectoryOrCreate"},
                "claimRef": {"namespace": claimed_from or namespace, "name": claim},
            },
        }

    def _fill(self) -> None:
        shut, open_ = (f"{namespace}-{release}/{path}" for (namespace, release), path in _BUNDLES.items())
        script = (
            f"set -e; cd /volumes; rm -rf ./*; mkdir -p {PACKAGES}-pm/verify {PACKAGES}-pm/packages; "
            f"mkdir -p {shut} {open_}; echo x | tee {shut}/app.R > {open_}/app.R; "
            f"chmod -R go= {shut}; chown -R 999:999 {open_}; "
            f"cd {PACKAGES}-pm; echo x > verify/activation; "
            f"for d in $(seq 20); do mkdir -p packages/$d; for f in $(seq {FILES // 20}); do "
            "echo $f > packages/$d/$f.tar.gz; done; done"
        )
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "fill", "namespace": PACKAGES},
            "spec": {
                "restartPolicy": "Never",
                "containers": [
                    {
                        "name": "fill",
                        "image": _SERVER_IMAGE,
                        "imagePullPolicy": "IfNotPresent",
                        "command": ["bash", "-c", script],
                        "securityContext": {"runAsUser": 0},
                        "volumeMounts": [{"name": "volumes", "mountPath": "/volumes"}],
                    }
                ],
                "volumes": [{"name": "volumes", "hostPath": {"path": self.volumes, "type": "DirectoryOrCreate"}}],
            },
        }
        self.create(pod)
        self.kubectl("wait", "pod/fill", "-n", PACKAGES, "--for=jsonpath={.status.phase}=Succeeded", "--timeout=120s")
        self.kubectl("delete", "pod", "fill", "-n", PACKAGES, "--wait=false")


def _storage_class() -> dict[str, Any]:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "estate"},
        "provisioner": "kubernetes.io/no-provisioner",
    }


def _secret(namespace: str, name: str, data: Mapping[str, str]) -> dict[str, Any]:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": namespace, "name": name},
        "data": encoded,
    }


def _claim(namespace: str, name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "storageClassName": "estate",
            "resources": {"requests": {"storage": "10Gi"}},
        },
    }


def _account(namespace: str, name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": namespace, "name": name}}


def _content_job(
    namespace: str, name: str, account: str, release: tuple[str, str], *, launcher: bool = False
) -> dict[str, Any]:
    """As Connect starts it: as a user without rights, with its own part of Connect's data."""
    labels = {"app.kubernetes.io/managed-by": "launcher"} if launcher else {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"namespace": namespace, "name": name, "labels": labels},
        "spec": {
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "serviceAccountName": account,
                    "restartPolicy": "Never",
                    "terminationGracePeriodSeconds": 0,
                    "securityContext": {"runAsUser": 999, "runAsGroup": 999},
                    "containers": [
                        {
                            "name": "rs-launcher-container" if launcher else "connect-content",
                            "image": _SERVER_IMAGE,
                            "imagePullPolicy": "IfNotPresent",
                            "command": ["sleep", "100000"],
                            "volumeMounts": [
                                {"name": "data", "mountPath": "/opt/content", "subPath": _BUNDLES[release]}
                            ],
                        }
                    ],
                    "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": _CLAIMS[release]}}],
                },
            }
        },
    }
