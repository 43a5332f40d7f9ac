"""Print the tables of docs/reliability.md from what `make matrix` has kept of this commit and this Kubernetes."""

from __future__ import annotations

import sys

from scripts.toolchain.build import kubernetes_version
from tests.matrix import commit, is_open, tables


def main() -> int:
    every = [cell.result() for table in tables() for cell in table.cells()]
    print(f"Commit {commit()}, Kubernetes {kubernetes_version()}.\n")
    print("\n".join(table.markdown() for table in tables()))
    left = sum(1 for result in every if is_open(result))
    if left:
        print(f"{left} of {len(every)} cells failed or were not tried: run `make matrix` again.", file=sys.stderr)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
