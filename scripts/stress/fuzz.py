"""10,000 fuzzed experiment and sweep files in process, 50 as whole processes.

Run: python scripts/stress/fuzz.py --examples 10000 --processes 50

Each file is accepted, or refused in one line that names the error and a fix. A traceback, a hang or
a leftover file is a defect. Accepted experiments of the micro-world also run once, and every number
of their account must be finite.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fuzz_cases
import fuzz_verdicts
import polars as pl
from hypothesis import HealthCheck, Phase, given, seed, settings

from evosim.claims.experiments import build_packaged
from evosim.claims.study import Study

APART = 11  # neighbouring examples resemble each other
LATE = 300.0  # seconds of a whole process, which may have to compile


def every(examples: int, start: int, examine: Callable[[fuzz_cases.Case], None]) -> None:
    """Show a number of examples to a function; the same start gives the same examples."""

    @seed(start)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(fuzz_cases.cases())
    def go(case: fuzz_cases.Case) -> None:
        examine(case)

    go()


def in_process(examples: int, start: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Results of examples in this process: by kind and change, and every defect."""
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    slowest: defaultdict[tuple[str, str], float] = defaultdict(float)
    defects: Counter[tuple[str, str, str]] = Counter()

    def examine(case: fuzz_cases.Case) -> None:
        with tempfile.TemporaryDirectory() as folder:
            verdict = fuzz_verdicts.judge(case, Path(folder), run=True)
        row = (case.kind, case.how)
        counts[row][verdict.outcome] += 1
        counts[row]["ran"] += verdict.ran
        counts[row]["defects"] += bool(verdict.defects)
        if not verdict.ran:
            slowest[row] = max(slowest[row], verdict.seconds)
        for defect in verdict.defects:
            defects[(*row, " ".join(defect.split())[:120])] += 1
        done = sum(count["accepted"] + count["refused"] for count in counts.values())
        if done % 500 == 0:
            print(
                f"{done:,} examples, {sum(defects.values())} defects", file=sys.stderr, flush=True
            )

    every(examples, start, examine)
    columns = ("accepted", "refused", "ran", "defects")
    rows: list[dict[str, Any]] = [
        {
            "kind": kind,
            "changed": way,
            "examples": count["accepted"] + count["refused"],
            **{name: count[name] for name in columns},
            "slowest_refusal_or_check_s": round(slowest[kind, way], 3),
        }
        for (kind, way), count in sorted(counts.items())
    ]
    counted = pl.DataFrame(
        [
            {"kind": kind, "changed": way, "defect": what, "times": times}
            for (kind, way, what), times in sorted(defects.items())
        ],
        schema={"kind": pl.String, "changed": pl.String, "defect": pl.String, "times": pl.Int64},
    )
    return pl.DataFrame(rows), counted


def as_processes(processes: int, start: int) -> pl.DataFrame:
    """Results of examples as commands: exit code, lines on standard error, leftover files."""
    rows: list[dict[str, Any]] = []

    def examine(case: fuzz_cases.Case) -> None:
        if any(
            "\0" in text or any("\ud800" <= c <= "\udfff" for c in text) or len(text) > 100_000
            for text in case.settings
        ):
            return  # no argument of a process can be that
        with tempfile.TemporaryDirectory() as folder:
            expected = fuzz_verdicts.judge(case, Path(folder), run=True)
        small = expected.ran and expected.outcome == "accepted"
        with tempfile.TemporaryDirectory() as folder:
            here = Path(folder)
            path = case.write(here).name
            if case.kind == "sweep":
                command = (
                    ["sweep", "run", path, "--dry-run"]
                    if small or expected.outcome == "refused"
                    else ["sweep", "run", path, "--plan-only"]
                )
            else:
                command = (
                    ["run", path, "--no-figures"]
                    if small or expected.outcome == "refused"
                    else ["show", path]
                )
                command[1] = f"./{path}"
                command += [f"--set={text}" for text in case.settings]
            before = set(here.rglob("*"))
            began = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", "from evosim.cli.main import command; command()", *command],
                cwd=here,
                capture_output=True,
                timeout=LATE,
                env=os.environ,
                check=False,
            )
            words = done.stderr.decode("utf-8", "replace")
            left = len([path for path in set(here.rglob("*")) - before if path.is_file()])
        refused = expected.outcome == "refused"
        sound = done.returncode == (2 if refused else 0) and "Traceback" not in words
        sound = sound and (
            not refused
            or (
                words.count("\n") == 1
                and words.startswith("evosim: ")
                and not done.stdout
                and not left
            )
        )
        rows.append(
            {
                "kind": case.kind,
                "changed": case.how,
                "place": case.place,
                "command": " ".join(
                    word
                    for word in command
                    if word not in (path, f"./{path}") and not word.startswith("--set")
                ),
                "in_process": expected.outcome,
                "exit_code": done.returncode,
                "lines_on_stderr": words.count("\n"),
                "traceback": "Traceback" in words,
                "files_left": left,
                "seconds": round(time.perf_counter() - began, 2),
                "sound": sound,
            }
        )
        print(f"{len(rows)} processes, last: {rows[-1]}", file=sys.stderr, flush=True)

    seen = 0

    def some(case: fuzz_cases.Case) -> None:
        nonlocal seen
        seen += 1
        if len(rows) < processes and seen % APART == 0:
            examine(case)

    if processes:
        every(2 * APART * (processes + 10), start, some)
    return pl.DataFrame(rows)


def main() -> None:
    """Make the tables. Raises an error if there is a defect."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=50)
    parser.add_argument(
        "--seed", type=int, default=0, help="of the examples; others are other files"
    )
    given_arguments = parser.parse_args()
    study = Study("fuzz", build_packaged("micro"))
    outcomes, defects = in_process(given_arguments.examples, given_arguments.seed)
    processes = as_processes(given_arguments.processes, given_arguments.seed + 1)
    tables = (
        {"outcomes": outcomes}
        | ({"processes": processes} if processes.height else {})
        | ({"defects": defects} if defects.height else {})
    )
    unsound = processes.filter(~pl.col("sound")).height if processes.height else 0
    facts = {
        name: int(outcomes[name].sum())
        for name in ("examples", "accepted", "refused", "ran", "defects")
    }
    study.store(
        tables,
        seed_of_examples=given_arguments.seed,
        in_process=facts,
        processes={"number": processes.height, "unsound": unsound},
    )
    assert not defects.height, "an example did not become what it must"
    assert not unsound, "a process did not do what it must"


if __name__ == "__main__":
    main()
