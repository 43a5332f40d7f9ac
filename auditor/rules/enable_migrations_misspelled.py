"""Which mending is right depends on what the user wanted, and the misspelled key has done nothing so far:

- false asks for no hook. Renamed, it says so to every chart version, and nothing runs because of it.
- true asks for the hook. Where the chart runs it anyway (0.4.0 to 0.5.43) the key is idle; later, a rename would start
  at every upgrade a Job that walks the whole volume with an image that may not be there. Ownership has its own rule,
  which mends it once, so the key is deleted.
- anything else is for a person to read.
"""

from __future__ import annotations

from collections.abc import Iterator

from auditor.model.action import ValueEdit
from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed
from auditor.model.keypath import MISSING
from auditor.model.product import Product
from auditor.model.snapshot import Facet, ReleaseState
from auditor.questions import required
from auditor.questions.values import patch_values, user_set

RULE = Rule(
    title="Value enableMigrations is misspelled",
    severity=Severity.WARNING,
    products=frozenset({Product.PACKAGE_MANAGER}),
    reads=frozenset({Facet.HELM}),
    why="No chart version ever read enableMigrations: the key is enableMigration. Whoever set it to false to keep the "
    "chart from re-owning the volume did not keep it from that.",
    remedy="Rename it to enableMigration where it says false. Where it says true delete it: volume-files-wrong-owner "
    "mends once what the hook would walk through at each upgrade.",
    source="https://github.com/rstudio/helm/blob/main/charts/rstudio-pm/templates/post-upgrade-chown-job.yaml",
)
_WRONG, _RIGHT = "enableMigrations", "enableMigration"


def check(release: ReleaseState) -> Iterator[Judgement]:
    record = required.helm_record(release)
    given = user_set(record, _WRONG)
    if given is MISSING:
        return
    if user_set(record, _RIGHT) is not MISSING:
        fix = _patch(release, "delete", f"{_RIGHT} is set too, and that is the one that counts")
    elif given is False:
        fix = _patch(release, "rename", "keeps the chart's ownership hook from running, as was meant")
    elif given is True:
        fix = _patch(release, "delete", "it does nothing; renamed, it would run the hook at each upgrade")
    else:
        fix = Fix(summary=f"{_WRONG} is neither true nor false: decide what was meant and set {_RIGHT}.", safe=False)
    yield failed(
        release.object,
        f"The values of release {release.ref} set {_WRONG}, which the chart never reads.",
        Evidence(
            object=release.object, field=_WRONG, observed="set", expected=f"not set ({_RIGHT} is the chart's key)"
        ),
        fix=fix,
    )


def _patch(release: ReleaseState, op: str, reason: str) -> Fix:
    if op == "rename":
        edit = ValueEdit(op="rename", path=(_WRONG,), to=(_RIGHT,), reason=reason)
        return Fix(summary=f"Rename {_WRONG} to {_RIGHT}: {reason}.", actions=(patch_values(release, edit),))
    edit = ValueEdit(op="delete", path=(_WRONG,), reason=reason)
    return Fix(summary=f"Delete {_WRONG}: {reason}.", actions=(patch_values(release, edit),))
