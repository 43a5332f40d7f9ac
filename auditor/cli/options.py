"""Flags that several commands share, spelled as kubectl and Helm spell them."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from auditor.settings import ClusterSettings

CLUSTER = "Cluster"
CHOICE = "What to look at"
RESULT = "Result"
REPAIR = "Repair"

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def namespaces_named(given: list[str] | None) -> list[str] | None:
    """An unset variable in a script (-n "$NS") must not mean every namespace."""
    for name in given or ():
        if not _NAMESPACE.fullmatch(name):
            raise typer.BadParameter(f"{name!r} can't be the name of a namespace.")
    return given


def rule_is_scans(given: list[str] | None) -> None:
    """It narrowed the plan of fix once, and --only does it now."""
    if given:
        instead = " ".join(f"--only {quote(rule)}" for rule in given)
        raise typer.BadParameter(f"--rule is an option of scan; a plan is narrowed with {instead}")


Kubeconfig = Annotated[
    str | None, typer.Option("--kubeconfig", metavar="FILE", help="Kubeconfig to use.", rich_help_panel=CLUSTER)
]
Context = Annotated[
    str | None, typer.Option("--context", metavar="NAME", help="Context in it.", rich_help_panel=CLUSTER)
]
As = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="USER",
        help="User to impersonate for every request and for Helm. Default: the kubeconfig's.",
        rich_help_panel=CLUSTER,
    ),
]
AsGroups = Annotated[
    list[str] | None,
    typer.Option(
        "--as-group",
        metavar="GROUP",
        help="Group to impersonate, in place of the kubeconfig's; repeatable.",
        rich_help_panel=CLUSTER,
    ),
]
AsUid = Annotated[
    str | None,
    typer.Option(
        "--as-uid",
        metavar="UID",
        help="User ID to impersonate, in place of the kubeconfig's.",
        rich_help_panel=CLUSTER,
    ),
]
RequestTimeout = Annotated[
    float,
    typer.Option("--request-timeout", min=1, metavar="SECONDS", help="For one request.", rich_help_panel=CLUSTER),
]
Namespaces = Annotated[
    list[str] | None,
    typer.Option(
        "--namespace",
        "-n",
        metavar="NS",
        help="Look in this namespace; repeatable. Default: all where allowed, otherwise the current one.",
        envvar="POSIT_AUDIT_NAMESPACES",
        rich_help_panel=CHOICE,
        callback=namespaces_named,
    ),
]
AllNamespaces = Annotated[
    bool,
    typer.Option(
        "--all-namespaces", "-A", help="Insist on all namespaces: fail where that is refused.", rich_help_panel=CHOICE
    ),
]
Probe = Annotated[
    Literal["auto", "exec", "job", "off"],
    typer.Option(
        "--probe",
        help="How to look into volumes: by read-only exec in the release's running pod (exec; auto where it is "
        "allowed), by a short-lived Job that mounts the claim read-only and is deleted afterwards (job: the one way "
        "that creates something, with the rights of fix), or not at all.",
        rich_help_panel=CHOICE,
    ),
]
OnlyRules = Annotated[
    list[str] | None,
    typer.Option("--rule", metavar="RULE", help="Only this rule; repeatable.", rich_help_panel=CHOICE),
]
OnlyThese = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="NAME",
        help="Plan only this: the id of a step (the plan prints it), a rule, or a release as NAMESPACE/NAME; "
        "repeatable.",
        rich_help_panel=REPAIR,
    ),
]
SkipThese = Annotated[
    list[str] | None,
    typer.Option(
        "--skip",
        metavar="NAME",
        help="Leave this out: a step's id, a rule or a release; repeatable. It wins over --only.",
        rich_help_panel=REPAIR,
    ),
]
NotRules = Annotated[list[str] | None, typer.Option("--rule", hidden=True, callback=rule_is_scans)]
Output = Annotated[
    Literal["text", "json"], typer.Option("--output", "-o", help="Form of the result.", rich_help_panel=RESULT)
]
ExitZero = Annotated[
    bool,
    typer.Option("--exit-zero", help="End with 0 whatever was found; 1 still means it failed.", rich_help_panel=RESULT),
]
HelmBinary = Annotated[
    str | None,
    typer.Option("--helm", metavar="PATH", envvar="HELM", help="Helm to run. Default: the one on PATH."),
]

Charts = Annotated[
    list[str] | None,
    typer.Option(
        "--chart",
        metavar="SOURCE",
        help="Where the charts are: a repository URL, an OCI reference, a chart folder or a folder of archives; "
        "repeatable.",
    ),
]
ValuesFiles = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...", help="Values files in the order in which Helm gets them; - is stdin.", show_default=False
    ),
]
ChartName = Annotated[
    Literal["rstudio-connect", "rstudio-pm"] | None,
    typer.Option("--chart-name", help="The chart they are for. Default: told from the keys.", show_default=False),
]
FromVersion = Annotated[
    str, typer.Option("--from", metavar="VERSION", help="Chart version that runs now.", show_default=False)
]
ToVersion = Annotated[
    str,
    typer.Option(
        "--to", metavar="VERSION", help="Chart version to go to. Default: the newest known.", show_default=False
    ),
]
ReleaseNamespace = Annotated[
    str, typer.Option("--namespace", "-n", metavar="NS", help="Namespace of the release, as for helm template.")
]
Catalogs = Annotated[
    list[Path] | None,
    typer.Option("--catalog", metavar="FILE", help="More rows for the catalog; repeatable. See docs/catalog.md."),
]

UPGRADE = "Upgrade"
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--to",
        metavar="CHART=VERSION",
        help="Judge an upgrade of this chart's releases: rstudio-connect=0.21.0, rstudio-pm=newest; repeatable. "
        "Without it only the present version is looked at.",
        rich_help_panel=UPGRADE,
    ),
]
UpgradeCatalogs = Annotated[
    list[Path] | None,
    typer.Option(
        "--catalog",
        metavar="FILE",
        help="More rows for the catalog: charts for --to, your storage; repeatable. See docs/catalog.md.",
    ),
]
UpgradeCharts = Annotated[
    list[str] | None,
    typer.Option(
        "--chart",
        metavar="SOURCE",
        help="Where the charts of --to are, for their own defaults: a repository URL, an OCI reference, a chart folder "
        "or a folder of archives; repeatable. Default: what the catalog knows.",
        rich_help_panel=UPGRADE,
    ),
]


def scope(namespaces: list[str] | None, all_namespaces: bool) -> tuple[str, ...]:
    if namespaces and all_namespaces:
        raise typer.BadParameter("-A asks for all namespaces and -n for some: leave one of them out.")
    return tuple(namespaces or ())


def cluster_settings(
    kubeconfig: str | None,
    context: str | None,
    impersonate: str | None,
    impersonate_groups: list[str] | None,
    impersonate_uid: str | None,
    request_timeout: float,
) -> ClusterSettings:
    from auditor.settings import ClusterSettings

    return ClusterSettings(
        kubeconfig=kubeconfig,
        context=context,
        impersonate=impersonate,
        impersonate_groups=tuple(filter(None, impersonate_groups or ())),
        impersonate_uid=impersonate_uid,
        request_timeout=request_timeout,
    )
