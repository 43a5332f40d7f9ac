"""What Helm renders of a release, judged before anything of it is applied.

In this order: the stored values are searched for templates, offline; Helm renders all of it on the server as a dry run;
the chart alone is rendered, offline; each object is compared with the chart's own and with the cluster.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from auditor.apply.comparing import compared, documents
from auditor.apply.release_values import as_yaml
from auditor.apply.tools import Consent, Tools
from auditor.catalog import Chart
from auditor.catalog.conditions import holds
from auditor.catalog.situation import Situation
from auditor.errors import PlanIsStale, PlanRefused, PositAuditError
from auditor.helm.charts import FoundChart
from auditor.helm.dry_run import DryRun
from auditor.helm.objects import Document
from auditor.model.helm import HelmRecord
from auditor.model.rendering import Rendering
from auditor.model.snapshot import ReleaseRef
from auditor.questions import same
from auditor.questions.permissions import in_words, is_rbac
from auditor.questions.rendered import Rendered, objections, objections_to_the_past
from auditor.values.coalesce import coalesce
from auditor.values.templates import chart_only, on_one_line, templates

_MOST_NAMED = 5


def digest_of(manifest: str) -> str:
    return hashlib.sha256(manifest.encode()).hexdigest()


def chart_of(agreed: Rendering | None) -> str:
    return agreed.chart if agreed else ""


def manifest_of(agreed: Rendering | None) -> str:
    return agreed.manifest if agreed else ""


def refuse_templates(
    values: Mapping[str, Any], release: ReleaseRef, chart: Chart, allowed: tuple[str, ...] = ()
) -> None:
    """Raises PlanRefused. It needs neither Helm nor the chart."""
    found = templates(values, chart, allowed)
    if found:
        known = [key for key in found if key][:_MOST_NAMED]
        named = ", ".join([*known, *(["keys that the chart does not know"] if "" in found else [])])
        flags = "".join(f" --allow-template {key}" for key in known)
        raise PlanRefused(
            f"Values of release {release} hold templates, which Helm would run with your permissions: {named}.",
            hint=f"Check them: helm get values {release.name} -n {release.namespace}. Then remove them, or allow them"
            f" when you plan, by their keys:{flags or ' --allow-template KEY'}.",
        )


@dataclass(frozen=True, kw_only=True)
class Renderer:
    """One release with one chart and all values that the user supplies. `before`: its newest record. `agreed`: what the
    plan shows."""

    release: ReleaseRef
    chart: FoundChart
    version: str
    values: dict[str, Any]
    before: HelmRecord
    tools: Tools
    agreed: Rendering | None

    @property
    def _upgrade(self) -> bool:
        return self.before.chart_version != self.version

    @property
    def _known(self) -> Chart:
        try:
            return self.tools.catalog.chart(self.before.chart_name)
        except KeyError:
            raise PlanIsStale(f"Release {self.release} is of another chart now.", hint="Plan again.") from None

    @property
    def consent(self) -> Consent:
        if self.agreed is None:
            return self.tools.consent
        return Consent(unsafe=bool(self.agreed.accepted), templates=self.agreed.templates)

    def dry_run(self) -> DryRun:
        """Helm's, of all values. Raises PlanRefused for a template that was not allowed."""
        refuse_templates(self.values, self.release, self._known, self.consent.templates)
        return self._tried(self.values)

    def _tried(self, values: dict[str, Any]) -> DryRun:
        return self.tools.helm.dry_run(
            self.release.namespace,
            self.release.name,
            chart=self.chart.path,
            values=as_yaml(values),
            secrets=[self.before.values.reveal(), self.values],
        )

    def judged(self, told: DryRun) -> Rendering:
        """`told`: from `dry_run`. Raises PlanRefused for objects that may not be applied, PlanIsStale where the plan
        shows others."""
        rendered = self._rendered(told)
        hooks = tuple(
            f"Hook {path} is not the chart's own"
            for path in dict.fromkeys(told.hooks)
            if not self._known.has_hook(path)
        )
        against = (*hooks, *dict.fromkeys(objections(rendered, upgrade=self._upgrade)))
        against += tuple(
            f"The stored manifest can't be rolled back to: {what}" for what in objections_to_the_past(rendered)
        )
        unknown = () if self.chart.known else (f"The chart with SHA-256 {self.chart.sha256} is not in the catalog",)
        accepted = (*unknown, *against) if self._upgrade and self.consent.unsafe else unknown
        if against and accepted == unknown:
            self._refuse(against)
        found = Rendering(
            chart=self.chart.sha256,
            objects=self._digest(rendered, told),
            manifest=digest_of(self.before.manifest.reveal()),
            changes=tuple(_lines(rendered)),
            hooks=bool(hooks),
            accepted=accepted,
            templates=self.consent.templates,
        )
        self._refuse_others(found)
        return found

    def _rendered(self, told: DryRun) -> Rendered:
        alone = chart_only(self.values)
        flat = on_one_line(alone)
        trusted = self._trusted(alone)
        return compared(
            self._read(told.manifest.reveal()),
            trusted=trusted,
            plain=trusted if flat == alone else self._plain(flat),
            before=self._read(self.before.manifest.reveal()),
            release=self.release,
            tools=self.tools,
        )

    def _trusted(self, values: dict[str, Any]) -> tuple[Document, ...]:
        if self._looks_up(values):
            return self._read(self._tried(values).manifest.reveal())
        return self._read(
            self.tools.helm.template(
                self.release.namespace,
                self.release.name,
                chart=self.chart.path,
                values=as_yaml(values),
                secrets=[self.before.values.reveal(), self.values],
            )
        )

    def _plain(self, values: dict[str, Any]) -> tuple[Document, ...]:
        """Nothing where the chart stops at values without line breaks: then none of its objects is trusted."""
        try:
            return self._trusted(values)
        except PositAuditError:
            return ()

    def _looks_up(self, values: dict[str, Any]) -> bool:
        """By a row of the catalog: of the chart's own lookups it is known what they read."""
        after = coalesce(values, self._known.values_at(self.version))
        now = Situation(user=values, after=after, before=None, to_version=self.version)
        return any(holds(row.when, now) for row in self._known.lookups_at(self.version))

    def _read(self, manifest: str) -> tuple[Document, ...]:
        return documents(manifest, self.release)

    def _refuse(self, against: tuple[str, ...]) -> None:
        rest = f"; and {len(against) - _MOST_NAMED} more" if len(against) > _MOST_NAMED else ""
        hint = (
            "Check the values of the release. --unsafe plans the upgrade with these objects."
            if self._upgrade
            else "Check the values of the release, and apply what is right by hand first (helm upgrade): an object that"
            " is in the cluster exactly so is not in the way."
        )
        raise PlanRefused(
            f"Helm would apply, with your permissions, what chart {self.before.chart_name} {self.version} does not make"
            f" of the values of release {self.release} in its namespace: {'; '.join(against[:_MOST_NAMED])}{rest}.",
            hint=hint,
        )

    def _refuse_others(self, found: Rendering) -> None:
        shown = self.agreed
        if shown is not None and replace(shown, changes=()) != replace(found, changes=()):
            raise PlanIsStale(
                f"Chart or objects of release {self.release} are no longer those that the plan shows.",
                hint="Plan again.",
            )

    @staticmethod
    def _digest(rendered: Rendered, told: DryRun) -> str:
        """What Secrets hold is left out: a digest of a short secret tells it."""
        texts = [str(rendered.place(one.key)) if one.key.kind == "Secret" else one.text for one in rendered.documents]
        texts += [f"-{rendered.place(one.key)}" for one in rendered.deleted()]
        return digest_of("\n---\n".join([*sorted(texts), told.hook_manifests.reveal()]))


def _lines(rendered: Rendered) -> Iterator[str]:
    was: Mapping[Any, Document] = {rendered.place(one.key): one for one in rendered.before}
    for one in rendered.documents:
        at, live = rendered.place(one.key), rendered.seen[one.key].live
        if live is None:
            yield f"+   {at}"
            yield from (f"+     {line}" for line in in_words(one.body) if is_rbac(one.key.api_version))
            continue
        before = was[at].body if at in was else {}
        for line in dict.fromkeys(same.changes(one.body, live, before)):
            yield f"~   {at} {line}"
        if is_rbac(one.key.api_version) and not rendered.is_unchanged(one):
            yield from (f"+     {line}" for line in in_words(one.body))
    for one in rendered.deleted():
        yield f"-   {rendered.place(one.key)}"
