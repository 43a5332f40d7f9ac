"""The command line."""

from __future__ import annotations

import argparse

from .trouble import Trouble

SHA256 = 64
"""Hexadecimal digits."""


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise Trouble("bad-arguments", "Wrong arguments: %s." % message)


def identity(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**32 - 1:
        raise ValueError
    return value


def shard_of(text: str) -> tuple[int, int]:
    index, _, count = text.partition("/")
    if not 0 <= int(index) < int(count):
        raise ValueError
    return int(index), int(count)


def record_of(text: str) -> tuple[str, int, str]:
    name, size, digest = text.rsplit(":", 2)
    if not name or int(size) < 0 or len(digest) != SHA256:
        raise ValueError
    return name, int(size), digest


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = Parser(
        prog="ownership",
        description="Change the owner of all files below ROOT, check it, or undo a change.",
        formatter_class=lambda prog: argparse.HelpFormatter(prog, width=110),  # asking for the width loads compressors
    )
    parser.add_argument("root", metavar="ROOT")
    parser.add_argument("--uid", type=identity, required=True)
    parser.add_argument("--gid", type=identity, required=True)
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 2 if an owner is wrong")
    parser.add_argument("--undo", action="store_true", help="restore the owners that --state recorded")
    parser.add_argument("--state", metavar="FILE", help="ownership record, for resuming and undoing")
    parser.add_argument(
        "--record", type=record_of, metavar="NAME:BYTES:SHA256", action="append", default=[],
        help="with --undo: a record that must be there and begin with these bytes, from the run's summary",
    )  # fmt: skip
    parser.add_argument("--limit", type=int, metavar="N", help="with --check: check at most N files")
    parser.add_argument("--seconds", type=float, metavar="S", help="with --check: check no longer than S seconds")
    parser.add_argument("--shard", type=shard_of, default=(0, 1), metavar="I/N", help="do part I (from 0) of N")
    parser.add_argument(
        "--move-aside", metavar="PATH", action="append", default=[], help="rename PATH below ROOT first"
    )
    args = parser.parse_args(argv)
    if args.check and args.undo:
        parser.error("--check and --undo exclude each other")
    if args.record and not args.undo:
        parser.error("--record goes with --undo")
    if args.undo and not args.state:
        parser.error("--undo needs the --state of the run to undo")
    for name, value in (("limit", args.limit), ("seconds", args.seconds)):
        if value is not None and not args.check:
            parser.error("--%s goes with --check" % name)
        if value is not None and not value > 0:  # nan is neither
            parser.error("--%s must be above 0" % name)
    return args
