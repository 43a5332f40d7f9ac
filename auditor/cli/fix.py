"""`posit-audit fix`: plan the repair and, where asked to, make it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auditor.cli import options

if TYPE_CHECKING:
    from auditor.pipeline.fix import FixResult
    from auditor.pipeline.prepare import Prepared

REPAIR = options.REPAIR


def fix(
    call: typer.Context,
    namespaces: options.Namespaces = None,
    all_namespaces: options.AllNamespaces = False,
    probe: options.Probe = "auto",
    only: options.OnlyThese = None,
    skip: options.SkipThese = None,
    _rules: options.NotRules = None,
    to: options.Targets = None,
    catalogs: options.UpgradeCatalogs = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Make the changes of the plan.", rich_help_panel=REPAIR)
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask; needed without a terminal.", rich_help_panel=REPAIR)
    ] = False,
    unsafe: Annotated[
        bool,
        typer.Option("--unsafe", help="Plan fixes too that need a person's judgement.", rich_help_panel=REPAIR),
    ] = False,
    allow_templates: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-template",
            metavar="KEY",
            help="Let Helm run the templates ({{ }}) in values at or below this key with your permissions; repeatable.",
            rich_help_panel=REPAIR,
        ),
    ] = None,
    charts: Annotated[
        list[str] | None,
        typer.Option(
            "--chart",
            metavar="SOURCE",
            help="Where the charts are: a repository URL, an OCI reference, a chart folder or a folder of archives; "
            "repeatable. Needed to patch values and to upgrade.",
            rich_help_panel=REPAIR,
        ),
    ] = None,
    helm: options.HelmBinary = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Keep the plan in a file too.", rich_help_panel=REPAIR),
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan",
            metavar="FILE",
            help="The plan that --out kept, instead of a new one.",
            rich_help_panel=REPAIR,
        ),
    ] = None,
    worker_image: Annotated[
        str,
        typer.Option(
            "--worker-image",
            metavar="IMAGE",
            help="Image to try first for the ownership Job; it needs Python 3.8 or later. Without it: the release's "
            "own image, then others that the plan names.",
            show_default=False,
            rich_help_panel=REPAIR,
        ),
    ] = "",
    shards: Annotated[
        int,
        typer.Option(
            "--shards",
            min=1,
            max=100,
            metavar="N",
            help="Change owners on ReadWriteMany volumes in N parts, each in a pod of its own, spread over the nodes.",
            rich_help_panel=REPAIR,
        ),
    ] = 1,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Only watch the ownership Jobs that an earlier fix or undo started, to their end: 1 where one "
            "failed, 2 where one of another version could not be followed.",
            rich_help_panel=REPAIR,
        ),
    ] = False,
    output: options.Output = "text",
    exit_zero: options.ExitZero = False,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    impersonate: options.As = None,
    impersonate_groups: options.AsGroups = None,
    impersonate_uid: options.AsUid = None,
    request_timeout: options.RequestTimeout = 30.0,
) -> None:
    """Show what would be changed to mend what scan finds; with --apply, change it and prove it.

    The plan tells of each change its id, the object, the diff, what it interrupts and how it is undone. With --to it is
    the upgrade itself too: labels, owners, values and chart in their right order. What the server would refuse is held
    back: each step is tried there with a dry run when the plan is made. --only and --skip take parts of the plan; steps
    that depend on each other (stop, owners, values or chart, start of one release) can't be parted. With --apply: the
    whole plan as a dry run first, then step by step, then a second scan that proves it. Ends with 0 if nothing is to be
    done or all was done and verified, 2 if changes are planned or left (skipped on request, refused, not proven, or an
    upgrade that waits for a decision), 1 if one failed, or the plan was refused as a whole and nothing was changed, 130
    if it was interrupted.
    """
    from auditor.cli.printing import say, say_unseen
    from auditor.cli.watch import watch_jobs
    from auditor.model.scope import ProbeMode
    from auditor.pipeline.prepare import Choice, Consent, JobWishes, keep, prepare
    from auditor.pipeline.scan import ScanRequest

    settings = options.cluster_settings(
        kubeconfig, context, impersonate, impersonate_groups, impersonate_uid, request_timeout
    )
    where = options.scope(namespaces, all_namespaces)
    if watch:
        if apply or plan or out or to or only or skip or unsafe or allow_templates:
            raise typer.BadParameter("--watch changes and plans nothing: give it without options of a repair.")
        watch_jobs(settings, where, all_namespaces=all_namespaces, output=output)
    if yes and not apply:
        raise typer.BadParameter("--yes agrees to what --apply changes, and --apply is not given.")
    if plan and (worker_image or shards > 1 or unsafe or allow_templates):
        raise typer.BadParameter(
            "A kept plan is applied as it is: give --unsafe, --allow-template, --worker-image and --shards when"
            " you make it."
        )
    request = ScanRequest(
        namespaces=where,
        all_namespaces=all_namespaces,
        probe=ProbeMode(probe),
        to=tuple(to or ()),
        catalogs=tuple(catalogs or ()),
        charts=tuple(charts or ()),
        helm=helm or "",
    )
    jobs = JobWishes(image=worker_image, shards=shards)
    choice = Choice(only=tuple(only or ()), skip=tuple(skip or ()))
    consent = Consent(unsafe=unsafe, templates=tuple(allow_templates or ()))
    prepared = prepare(settings, request, consent=consent, saved=plan, jobs=jobs, choice=choice, tell=say)
    if out:
        keep(prepared.plan, out)
    if not apply or not prepared.plan.steps:
        _show_plan(prepared, output)
        if prepared.before.saw_nothing:
            say_unseen(prepared.before.snapshot.blind)
            raise typer.Exit(1)
        raise typer.Exit(2 if (prepared.plan.steps or prepared.left) and not exit_zero else 0)
    if output == "text":
        _show_plan(prepared, output)
    agree(yes, "" if output == "text" else _plan_text(prepared))
    result = _carry_out(prepared, tuple(charts or ()), helm or "", call)
    _show_result(prepared, result, output)
    if result.failed:
        raise typer.Exit(1)
    all_done = result.verified and not prepared.left
    raise typer.Exit(0 if all_done or exit_zero else 2)


def _show_plan(prepared: Prepared, output: str) -> None:
    from auditor.cli.printing import print_result
    from auditor.report.plan_text import not_told, plan_json

    if output == "text":
        print_result(_plan_text(prepared))
    else:
        findings, blind = prepared.before.findings, prepared.before.snapshot.blind
        print_result(json.dumps({**plan_json(prepared.plan), "not_told": not_told(findings, blind)}, indent=2))


def _plan_text(prepared: Prepared) -> str:
    from auditor.report.plan_text import plan_text

    return plan_text(prepared.plan, prepared.before.findings, prepared.before.snapshot.blind)


def agree(yes: bool, unseen: str = "") -> None:
    """Raises PlanRefused where nobody agrees. `unseen`: what is to be agreed to, where stdout doesn't show it."""
    from auditor.cli.printing import say
    from auditor.errors import PlanRefused

    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise PlanRefused("There is no terminal to ask at, and nothing was changed.", hint="Add --yes to agree.")
    if unseen:
        say(unseen)
    sys.stderr.write("Make these changes? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise PlanRefused("Nothing was changed.")


def _carry_out(prepared: Prepared, charts: tuple[str, ...], helm: str, call: typer.Context) -> FixResult:
    """Raises PlanRefused with the command that applies the rest, if there is a rest."""
    from auditor.cli import again
    from auditor.cli.printing import say
    from auditor.cli.progress import shown
    from auditor.errors import StepsRefused
    from auditor.pipeline.fix import carry_out

    try:
        with shown() as progress:
            return carry_out(prepared, charts=charts, helm=helm, progress=progress, tell=say)
    except StepsRefused as refused:
        raise again.with_command(refused, prepared.plan.steps, call) from None


def _show_result(prepared: Prepared, result: FixResult, output: str) -> None:
    from auditor.cli.printing import print_result, say
    from auditor.report.plan_text import not_told, outcomes_json, outcomes_text, plan_json

    if output == "json":
        whole = {
            "schema": "posit-audit.fix/v1",
            "plan": plan_json(prepared.plan),
            "not_told": not_told(prepared.before.findings, prepared.before.snapshot.blind),
            **{k: v for k, v in outcomes_json(result.outcomes, result.verdicts).items() if k != "schema"},
            "journal": str(result.journal),
        }
        print_result(json.dumps(whole, indent=2))
        return
    print_result(outcomes_text(result.outcomes, result.verdicts))
    if result.changed:
        say(f"It can be taken back with: posit-audit undo {result.journal}")
