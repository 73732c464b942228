"""Run every command and snippet of README.md and docs/ word for word, and keep how long each takes.

Slow blocks too; not those that need what is not here, which their pages say. Each page has a folder
of its own, with nothing in it at first.

Run: python scripts/docs/run_documents.py [PAGE...] [--quick]
It takes half an hour or more; --quick leaves the slow blocks out.
Makes: results/documents/times.csv, provenance.json
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import sys
import tempfile
from pathlib import Path

import snippets

from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.runs.provenance import Provenance, write_json
from evosim.runtime.atomic_files import write_atomically

OUT = snippets.ROOT / "results" / "documents"


def main() -> int:
    """Run the blocks and write the table. The exit code is 1 if a block fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "pages",
        nargs="*",
        help="names such as tutorial.md; all by default, and only then the table is kept",
    )
    parser.add_argument("--quick", action="store_true", help="leave out what the pages call slow")
    given = parser.parse_args()
    rows: list[tuple[str, str, float]] = []
    wrong = 0
    for path in snippets.PAGES:
        if given.pages and path.name not in given.pages:
            continue
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            sys.path.insert(0, folder)
            page = snippets.Page(Path(folder), word_for_word=True)
            for block in snippets.blocks(path):
                if given.quick and block.mark == "slow":
                    continue
                try:
                    page.run(block)
                except snippets.Wrong as error:
                    wrong += 1
                    print(error, file=sys.stderr)
            sys.path.remove(folder)
        for where, first, seconds in page.times:
            print(f"{seconds:8.1f} s  {where:24} {first[:90]}", flush=True)
        rows += page.times
    if not given.pages and not given.quick and not wrong:
        _keep(rows)
    return 1 if wrong else 0


def _keep(rows: list[tuple[str, str, float]]) -> None:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("block", "begins", "seconds"))
    writer.writerows((where, first, f"{seconds:.1f}") for where, first, seconds in rows)
    OUT.mkdir(parents=True, exist_ok=True)
    write_atomically(OUT / "times.csv", table.getvalue().encode())
    write_json(
        OUT / "provenance.json",
        Provenance.of_experiment(resolve(read_experiment("three-losses"))).as_dict(),
    )


if __name__ == "__main__":
    sys.exit(main())
