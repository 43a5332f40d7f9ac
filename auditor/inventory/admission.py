"""What the release's namespace admits."""

from __future__ import annotations

from auditor.inventory.asking import Look, reading
from auditor.model.kubernetes import NAMESPACES, Access
from auditor.model.snapshot import Facet
from auditor.questions.admission import ENFORCED


@reading(Facet.POD_SECURITY, Access(NAMESPACES, ("get",)))
def pod_security(look: Look) -> str:
    body = look.ask.get(NAMESPACES, "", look.namespace) or {"metadata": {}}
    level: str = (body["metadata"].get("labels") or {}).get(ENFORCED, "")
    return level
