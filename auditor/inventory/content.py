"""Where and as whom Connect's content runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from auditor.inventory.asking import Json, Look, reading
from auditor.inventory.config import config
from auditor.inventory.releases import helm
from auditor.model.helm import HelmRecord
from auditor.model.keypath import look_up
from auditor.model.kubernetes import CONFIG_MAPS, JOBS, PODS, Access
from auditor.model.product import Product
from auditor.model.seen import NotSeenError, Unseen
from auditor.model.snapshot import AccountUse, Config, Content, Facet
from auditor.questions import content as running
from auditor.questions.gcfg import setting
from auditor.questions.values import effective

LAUNCHER_LABEL: Final = ("app.kubernetes.io/managed-by", "launcher")
"""On what the Launcher starts (charts from 0.3.15 on, their job.tpl)."""
DIRECT_CONTAINER: Final = "connect-content"
"""Of the direct runner (charts/rstudio-connect/values.yaml, defaultResourceJobBase); of no other product."""
CONTENT_CONTAINERS: Final = frozenset({DIRECT_CONTAINER, "rs-launcher-container"})
"""The other is the Launcher's (job.tpl)."""
_SINGLE_GETS: Final = 20
_ACCOUNT: Final = ("spec", "template", "spec", "serviceAccountName")


@reading(
    Facet.CONTENT,
    Access(JOBS, ("get", "list")),
    Access(PODS, ("list",)),
    needs=(config,),
)
def content(look: Look) -> Content | None:
    rendered = config(look) if look.found.product is Product.CONNECT else None
    if rendered is None:
        return None
    mode, namespace = running.mode(rendered), running.namespace(rendered, look.namespace)
    if mode == "local":
        return Content(mode=mode, namespace=namespace)
    bodies = list(started(look, rendered))
    uses = [*_named(look, rendered, mode)]
    if not uses:
        uses.append(AccountUse(account="default", evidence="content pods get the namespace default"))
    return Content(mode=mode, namespace=namespace, uses=(*uses, *_summed_up(bodies)), jobs=len(bodies))


def _named(look: Look, rendered: Config, mode: str) -> Iterator[AccountUse]:
    """What content gets unless it asks for another account."""
    record = helm.or_unseen(look)
    key = {
        "direct": "backends.kubernetes.defaultResourceJobBase.spec.template.spec.serviceAccountName",
        "launcher": "launcher.templateValues.pod.serviceAccountName",
    }[mode]
    if isinstance(record, HelmRecord):
        yield from _use(effective(record, key), f"values {key}")
    if mode == "direct":
        base = rendered.job_base.reveal() if rendered.job_base else {}
        yield from _use(look_up(base, _ACCOUNT), f"{rendered.ref} job.yaml")
        return
    yield from _use(
        (setting(rendered, "Launcher", "KubernetesDefaultServiceAccount") or "").strip('"'),
        f"{rendered.ref} [Launcher] KubernetesDefaultServiceAccount",
    )
    templates = f"{look.found.fullname}-templates"
    body = look.ask.get(CONFIG_MAPS, look.namespace, templates) or {}
    key, where = "rstudio-library-templates-data.tpl", f"ConfigMap {look.namespace}/{templates}"
    data = _template_data((body.get("data") or {}).get(key) or "{}", f"{key} in {where}")
    yield from _use(look_up(data, ("pod", "serviceAccountName")), f"{where} {key}")


def _use(account: object, evidence: str) -> Iterator[AccountUse]:
    if account and isinstance(account, str):
        yield AccountUse(account=account, evidence=evidence)


def _template_data(template: str, where: str) -> Any:
    """The one JSON object between the template's own `{{- define ... }}` and `{{- end }}`."""
    match = re.fullmatch(r"\s*(?:\{\{-? *define.*?\}\})?(.*?)(?:\{\{-? *end *-?\}\})?\s*", template, re.DOTALL)
    try:
        return json.loads(match.group(1) if match else template)
    except (ValueError, RecursionError):
        raise NotSeenError(
            Unseen(
                reason=f"{where} is not the JSON that the chart writes, so the Launcher's account is not known.",
                how="Look for serviceAccountName in it.",
            )
        ) from None


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """A content Job or Launcher pod that exists."""

    name: str
    """"Job dashboards/report-17"."""
    created: str
    running: bool
    """It has not come to its end."""
    spec: Json
    """Its pod's."""

    @property
    def account(self) -> str:
        return self.spec.get("serviceAccountName") or "default"


def started(look: Look, rendered: Config) -> Iterator[Started]:
    """The direct runner's pods all come from Jobs, as its role lets it create nothing else: those tell."""
    namespace, data_claim = running.namespace(rendered, look.namespace), running.data_claim(rendered)
    pods = _launcher_pods(look, namespace) if running.mode(rendered) == "launcher" else ()
    for kind, bodies in (("Job", _jobs(look, namespace)), ("Pod", pods)):
        for body in bodies:
            one = Started(
                name=f"{kind} {namespace}/{body['metadata']['name']}",
                created=body["metadata"].get("creationTimestamp") or "",
                running=not _has_ended(body.get("status") or {}),
                spec=body["spec"]["template"]["spec"] if kind == "Job" else body["spec"],
            )
            if not _is_of_another(one.spec, data_claim):
                yield one


def _has_ended(status: Json) -> bool:
    """A Job's or a pod's."""
    ends = {one["type"] for one in status.get("conditions") or () if one["status"] == "True"} & {"Complete", "Failed"}
    return bool(ends) or status.get("phase") in ("Succeeded", "Failed")


def _jobs(look: Look, namespace: str) -> Sequence[Json]:
    """A Table shows which Jobs are content's at a fraction of their size; then they are asked for by name, or all at
    once where they are many."""
    key, value = LAUNCHER_LABEL
    names = {
        row["name"]
        for row in look.ask.table(JOBS, namespace)
        if row["labels"].get(key) == value or CONTENT_CONTAINERS.intersection(str(row.get("containers")).split(","))
    }
    if len(names) > _SINGLE_GETS:
        return [body for body in look.ask.list(JOBS, namespace) if body["metadata"]["name"] in names]
    bodies = [look.ask.get(JOBS, namespace, name) for name in sorted(names)]
    return [body for body in bodies if body]


def _launcher_pods(look: Look, namespace: str) -> Sequence[Json]:
    return look.ask.list(PODS, namespace, labels="=".join(LAUNCHER_LABEL))


def _is_of_another(spec: Json, data_claim: str) -> bool:
    """Content mounts the data of its own Connect; another one or Workbench may start its own in the same namespace.
    What mounts no claim at all is Connect's where its container has the name that only the direct runner gives."""
    volumes = spec.get("volumes") or ()
    claims = {one["persistentVolumeClaim"]["claimName"] for one in volumes if one.get("persistentVolumeClaim")}
    if not claims and any(one["name"] == DIRECT_CONTAINER for one in spec.get("containers") or ()):
        return False
    return bool(data_claim and data_claim not in claims)


def _summed_up(bodies: Sequence[Started]) -> Iterator[AccountUse]:
    """One line of evidence per account, however many Jobs run under it."""
    for account in sorted({body.account for body in bodies}):
        ended, name = min(those := [(not body.running, body.name) for body in bodies if body.account == account])
        more = f" and {len(those) - 1} more" if len(those) > 1 else ""
        yield AccountUse(account=account, evidence=name + more, ended=ended)
