"""`posit-audit migrate`: the values file that the newer chart wants."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from auditor.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.values.document import Document
    from auditor.values.migration import Migration


def migrate(
    files: options.ValuesFiles,
    chart_name: options.ChartName = None,
    from_version: options.FromVersion = "",
    to_version: options.ToVersion = "",
    namespace: options.ReleaseNamespace = "default",
    catalogs: options.Catalogs = None,
    output: Annotated[
        Literal["yaml", "json", "diff"],
        typer.Option("--output", "-o", help="The rewritten file, everything as JSON, or what changes."),
    ] = "yaml",
    write: Annotated[
        bool, typer.Option("--write", help="Replace the files; each gets a backup beside it, and stdout stays empty.")
    ] = False,
) -> None:
    """Rewrite values files for a newer chart: Launcher to direct Kubernetes runner, renamed and removed keys.

    Comments, order and quoting stay, save where braces or aliases must be written out: a note names the key that
    loses comments by it. A file that needs no change comes out byte for byte. Notes on stderr tell where each key
    went. Several files are merged as Helm merges them, and each is rewritten where its keys are. Ends with 0 where
    all is done, 2 where a person must decide something, 1 where the input can't be read.
    """
    from auditor.cli.printing import say
    from auditor.names.keys import note as shown
    from auditor.pipeline import values as pipeline
    from auditor.printable import printable
    from auditor.values.migration import as_json

    request = pipeline.ValuesRequest(
        files=tuple(files),
        chart_name=chart_name or "",
        from_version=from_version,
        to_version=to_version,
        namespace=namespace,
        catalogs=tuple(catalogs or ()),
    )
    if write and pipeline.STDIN in files:
        raise pipeline.BadRequest("stdin can't be written back.", hint="Leave --write out, or name a file.")
    if write and output != "yaml":
        raise pipeline.BadRequest(
            f"--write replaces the files and prints none of them, so that there is nothing to print as {output}.",
            hint=f"Leave out --write to see it, or -o {output} to replace the files.",
        )
    before, result = pipeline.migrate_files(request)
    if output == "json":
        typer.echo(json.dumps(as_json(result), indent=2))
    elif not write:
        _print(before, result, output)
    for note in map(shown, result.notes if output != "json" else ()):
        where = f"{note.file}:{note.line}:{note.column}: " if note.file else ""
        went = f" -> {note.to}" if note.to else ""
        say(printable(f"{where}{note.kind}: {note.key}{went}: {note.message}"))
    if write:
        _write(before, result)
    raise typer.Exit(result.exit_code)


def _print(before: Sequence[Document], result: Migration, output: str) -> None:
    import sys

    from auditor.values.files import diff

    if output == "diff":
        for old, new in zip(before, result.documents, strict=True):
            sys.stdout.write(diff(old, new))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(result.documents[0].content() if len(result.documents) == 1 else _stream(result.documents))
    sys.stdout.buffer.flush()


def _stream(documents: Sequence[Document]) -> bytes:
    """One YAML stream: in one encoding, without marks between the documents, each on lines of its own."""
    from auditor.printable import printable

    texts = [f"---\n# {printable(document.source)}\n{document.body}" for document in documents]
    return "".join(text if text.endswith("\n") else f"{text}\n" for text in texts).encode()


def _write(before: Sequence[Document], result: Migration) -> None:
    from auditor.cli.printing import say
    from auditor.values.files import write

    for old, new in zip(before, result.documents, strict=True):
        if new.text() == old.text():
            say(f"{new.source}: nothing to change")
            continue
        backup = write(new, Path(new.source))
        say(f"{new.source}: written; the former file is {backup}")
