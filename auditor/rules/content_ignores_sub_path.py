from __future__ import annotations

from collections.abc import Iterator

from auditor.model.finding import Evidence, Fix, Judgement, Rule, Severity, failed, unknown
from auditor.model.product import Product
from auditor.model.seen import seen
from auditor.model.snapshot import Claim, Facet, ReleaseState
from auditor.questions import required
from auditor.questions.content import data_claim, data_directory, mode, namespace

RULE = Rule(
    title="Content looks for Connect's data in another directory of the volume",
    severity=Severity.ERROR,
    products=frozenset({Product.CONNECT}),
    reads=frozenset({Facet.CONFIG, Facet.CLAIMS}),
    why="The server mounts a directory of the volume (sharedStorage.subPath), and charts before 0.20.12 do not tell "
    "the direct runner which: content mounts its files from the volume's top, does not find them and ends at once.",
    remedy="Upgrade to chart 0.20.12 or newer with Connect 2026.08.0 or newer, or move the data to the volume's top "
    "and unset sharedStorage.subPath.",
    source="https://github.com/rstudio/helm/issues/916",
)


def check(release: ReleaseState) -> Iterator[Judgement]:
    config = required.config(release)
    if mode(config) != "direct":
        return
    name, directory = data_claim(config), data_directory(config)
    where = namespace(config, release.ref.namespace)
    for claim in seen(release.claims):
        if where != release.ref.namespace:  # where a claim of the same name is another claim
            if claim.sub_path and name:
                yield _elsewhere(claim, where, name)
        elif claim.ref.name == name and claim.sub_path.strip("/") != directory.strip("/"):
            yield failed(
                claim.ref,
                f"The server mounts {_shown(claim.sub_path)} of the volume behind {claim.ref}, and content "
                f"{_shown(directory)}.",
                Evidence(
                    object=config.ref,
                    field="rstudio-connect.gcfg Kubernetes.DataDirPVCSubPath",
                    observed=directory or "not set",
                    expected=claim.sub_path or "not set",
                ),
                fix=Fix(summary=RULE.remedy, safe=False),
            )


def _elsewhere(claim: Claim, namespace: str, name: str) -> Judgement:
    return unknown(
        claim.ref,
        f"The server mounts {_shown(claim.sub_path)} of the volume behind {claim.ref}, and what lies behind the claim"
        f" {name} that content mounts in namespace {namespace} is not known.",
        f"Compare what the volumes of both claims serve: kubectl --namespace {namespace} get pvc {name}",
    )


def _shown(directory: str) -> str:
    return f"directory {directory}" if directory else "the top"
