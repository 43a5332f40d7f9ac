"""What differs between two versions of a chart, and what the catalog does not know of it yet.

    python -m scripts.compare_charts rstudio-connect@0.21.0 rstudio-connect@0.22.0 --chart https://helm.rstudio.com
    python -m scripts.compare_charts charts/rstudio-pm-0.20.4.tgz ~/helm/charts/rstudio-pm --rows

A chart is a folder, an archive, or NAME@VERSION looked up in the `--chart` sources (as for posit-audit fix). With
--rows, the rows that follow mechanically are printed, ready for `--catalog FILE` or for auditor/catalog/data; what
stops rendering, and what a change means, somebody must read and write. Ends with 1 while something is not covered.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from auditor.catalog import Chart, load
from auditor.errors import PositAuditError
from auditor.helm.charts import Charts
from auditor.helm.command import Helm
from auditor.model.keypath import MISSING, join_key, leaves
from auditor.settings import ClusterSettings
from auditor.values.document import Document

_READ = re.compile(r"\.Values((?:\.[A-Za-z_][A-Za-z0-9_]*)+)")
_STOPS = re.compile(r"\b(?:fail|required)\s+\(?\s*(?:printf\s+|print\s+)?\"((?:[^\"\\]|\\.)*)\"")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


class Source(msgspec.Struct, frozen=True):
    """One chart, read: its identity, the defaults of its leaf keys, and its templates by path."""

    name: str
    version: str
    app_version: str
    library: str
    defaults: Mapping[str, Any]
    templates: Mapping[str, str]

    def reads(self) -> set[str]:
        """Every key that a template names, dotted."""
        return {found[1:] for text in self.templates.values() for found in _READ.findall(text)}

    def stops(self) -> set[tuple[str, str]]:
        """Each `fail` and `required`: the template's name and the sentence."""
        return {
            (path, " ".join(sentence.replace("\\n", " ").replace('\\"', '"').split()))
            for path, text in self.templates.items()
            for sentence in _STOPS.findall(text)
        }


class Gap(msgspec.Struct, frozen=True, order=True):
    """Something that a row should know."""

    table: str
    what: str


def read(path: Path) -> Source:
    """A chart's folder or archive. KeyError where a file of every chart is missing."""
    files = dict(_files(path))
    about = yaml.safe_load(files["Chart.yaml"])
    values = Document.parse(files["values.yaml"], f"{path.name} values.yaml").data
    library = next((d["version"] for d in about.get("dependencies", ()) if d["name"] == "rstudio-library"), "")
    return Source(
        name=str(about["name"]),
        version=str(about["version"]),
        app_version=str(about.get("appVersion", "")),
        library=str(library),
        defaults={join_key(key): value for key, value in leaves(values)},
        templates={name: text for name, text in files.items() if "templates/" in name},
    )


def _files(path: Path) -> Iterator[tuple[str, str]]:
    """Names below the chart's folder, with the text; what is no text is left out."""
    if path.is_dir():
        found = ((file.relative_to(path).as_posix(), file.read_bytes()) for file in path.rglob("*") if file.is_file())
        yield from ((name, data.decode(errors="replace")) for name, data in found)
        return
    with tarfile.open(path) as tar:
        for member in tar:
            data = tar.extractfile(member) if member.isfile() else None
            if data is not None:
                yield member.name.partition("/")[2], data.read().decode(errors="replace")


def differences(old: Source, new: Source) -> dict[str, list[str]]:
    """By heading, what `new` has, lacks and has otherwise."""
    both = old.defaults.keys() & new.defaults.keys()
    return {
        "new keys": [
            f"{key} = {_shown(new.defaults[key])}" for key in sorted(new.defaults.keys() - old.defaults.keys())
        ],
        "keys gone": [f"{key} (was {_shown(old.defaults[key])})" for key in sorted(_gone(old, new))],
        "defaults changed": [
            f"{key}: {_shown(old.defaults[key])} -> {_shown(new.defaults[key])}"
            for key in sorted(both)
            if not _same(old.defaults[key], new.defaults[key])
        ],
        "newly read by templates": sorted(new.reads() - old.reads()),
        "no longer read": sorted(old.reads() - new.reads()),
        "stops newly": [f"{path}: {sentence}" for path, sentence in sorted(new.stops() - old.stops())],
        "stops no longer": [f"{path}: {sentence}" for path, sentence in sorted(old.stops() - new.stops())],
    }


def gaps(old: Source, new: Source, chart: Chart) -> list[Gap]:
    """What `chart`, the catalog's, does not say about the step from `old` to `new`."""
    known = chart.defaults_at(new.version)
    otherwise = (
        key
        for key in sorted(known.keys() | new.defaults.keys())
        if not _same(known.get(key, MISSING), new.defaults.get(key, MISSING))
    )
    told = {key for row in chart.changes_between(old.version, new.version) for key in row.keys}
    untold = sorted((old.defaults.keys() & new.defaults.keys()) - told)
    refused = {key for row in chart.fails_at(new.version) for key in (row.key, row.to_key) if key}
    return [
        *([] if chart.release(new.version) else [Gap("releases", f"{new.version} (product {new.app_version})")]),
        *(Gap("defaults", f"{key} = {_shown(new.defaults.get(key, MISSING))}") for key in otherwise),
        *(Gap("changes", f"{key}: moves") for key in untold if not _same(old.defaults[key], new.defaults[key])),
        *(Gap("changes", f"{key}: gone") for key in sorted(_gone(old, new) - told)),
        *(
            Gap("fails", f"{path}: {sentence}")
            for path, sentence in sorted(new.stops() - old.stops())
            if not _names_one(sentence, refused)
        ),
    ]


def _gone(old: Source, new: Source) -> set[str]:
    """Keys that left; one that only got something below it stays."""
    left = old.defaults.keys() - new.defaults.keys()
    return {key for key in left if not any(other.startswith(f"{key}.") for other in new.defaults)}


def _names_one(sentence: str, keys: set[str]) -> bool:
    """Whether a sentence names one of `keys`, a key below it or a map above it."""
    words = {word.strip(".").removeprefix("Values.") for word in _WORD.findall(sentence)}
    return any(
        word == key or word.startswith(f"{key}.") or key.startswith(f"{word}.") for word in words for key in keys
    )


def rows(new: Source, chart: Chart) -> dict[str, Any]:
    """The rows that follow without judgement: the release, and each default that the catalog has otherwise."""
    release = {"version": new.version, "app_version": new.app_version, "date": "", "library": new.library}
    known = chart.defaults_at(new.version)
    moved = []
    for key in sorted(known.keys() | new.defaults.keys()):
        default = new.defaults.get(key, MISSING)
        if not _same(known.get(key, MISSING), default):
            step = {"since": new.version, **({"absent": True} if default is MISSING else {"default": default})}
            history = chart.ever_known(key)
            steps = [msgspec.to_builtins(earlier) for earlier in history.steps] if history else []
            moved.append({"key": key, "steps": [*steps, step]})
    missing = [] if chart.release(new.version) else [release]
    return {"releases": {new.name: missing}, "defaults": {new.name: moved}}


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


def _shown(value: object) -> str:
    return "nothing" if value is MISSING else json.dumps(value, default=str)


def _located(name: str, charts: Charts) -> Path:
    path = Path(name).expanduser()
    if path.exists():
        return path
    chart, _, version = name.partition("@")
    return charts.find(chart, version).path


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--chart", action="append", default=[], help="where NAME@VERSION is: URL, oci://, folder")
    parser.add_argument("--catalog", action="append", default=[], type=Path, help="further rows")
    parser.add_argument("--rows", action="store_true", help="print rows for a catalog file and nothing else")
    given = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="posit-audit-") as folder:
            charts = Charts(given.chart, Helm(ClusterSettings()), Path(folder), catalog=None)
            old, new = (read(_located(name, charts)) for name in (given.old, given.new))
        chart = load(given.catalog).chart(new.name)
    except (PositAuditError, KeyError, OSError, tarfile.TarError) as error:
        sys.exit(f"compare_charts: {error}")
    missing = gaps(old, new, chart)
    if given.rows:
        print(json.dumps(rows(new, chart), indent=1, ensure_ascii=False))
        return int(bool(missing))
    print(f"{old.name} {old.version} (product {old.app_version}) -> {new.version} (product {new.app_version})")
    for heading, lines in differences(old, new).items():
        print(f"\n{heading}: {len(lines)}", *lines, sep="\n  ")
    print(f"\nnot covered by the catalog: {len(missing)}", *(f"{gap.table}: {gap.what}" for gap in missing), sep="\n  ")
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main())
