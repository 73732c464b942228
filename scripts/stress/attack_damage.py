"""Recorded runs are damaged, and every command reads them.

    python scripts/stress/attack_damage.py [--tries 60] [--flips 300] [--seed 0]

A try is one damaged folder. `analyze`, `compare`, `export`, `figures`, `report` and `evosim.load`
read it in this process. Each must end in one line with exit code 2, or give the numbers of the
intact run. A traceback or another number is a failure. Each flip changes one bit of one file, which
`evosim.load` then reads. The script writes `results/attack/damage/`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

import evosim
from evosim.claims import study
from evosim.claims.experiments import build_packaged
from evosim.cli import main as cli_main
from evosim.errors import UserError

SETTINGS = (
    "replicates=2",
    "optimizer.population=12",
    "phases.0.generations=4",
    "phases.1.generations=3",
)
VOLATILE = (
    "out",
    "elapsed_s",
    "seconds",
    "analysis_seconds",
    "peak_memory_mib",
    "same_code",
    "shown_again",
    "runs_folder",
)
COMMANDS = ("analyze", "compare", "export", "figures", "report", "load")
Damage = Callable[[Path, random.Random], None]


@dataclass
class Row:
    """Result of one kind of damage, over all commands.

    Attributes
    ----------
    damage : str
        The kind of damage.
    tries : int
        Damaged folders.
    reads : int
        Commands that read them.
    refused, equal : int
        Commands that ended in one line with exit code 2, and that gave the intact numbers.
    tracebacks, wrong : int
        Failures: commands that ended in any other way, and that gave other numbers.
    first : str
        The first failure.
    """

    damage: str
    tries: int = 0
    reads: int = 0
    refused: int = 0
    equal: int = 0
    tracebacks: int = 0
    wrong: int = 0
    first: str = ""


# Kinds of damage to a file


def bit(path: Path, lots: random.Random) -> None:
    """Change one bit."""
    data = bytearray(path.read_bytes())
    data[lots.randrange(len(data))] ^= 1 << lots.randrange(8)
    path.write_bytes(data)


def cut(path: Path, lots: random.Random) -> None:
    """Keep a part of the file."""
    data = path.read_bytes()
    path.write_bytes(data[: lots.randrange(len(data))])


def other(path: Path, lots: random.Random) -> None:
    """Put another file of the folder there."""
    files = [
        file
        for file in path.parents[1].rglob("*")
        if file.is_file() and file.suffix == path.suffix and file != path
    ]
    shutil.copyfile(lots.choice(sorted(files)) if files else Path(__file__), path)


def gone(path: Path, lots: random.Random) -> None:
    """Remove the file, or replace it by a folder or a link."""
    path.unlink()
    damage = lots.randrange(4)
    if damage == 1:
        path.mkdir()
    elif damage == 2:
        path.symlink_to(path.name)
    elif damage == 3:
        path.symlink_to("/nowhere")


def shape(path: Path, lots: random.Random) -> None:
    """Change the columns, types, nulls or rows of a table."""
    table = pl.read_parquet(path)
    name = lots.choice(table.columns)
    changes: list[Callable[[], pl.DataFrame]] = [
        lambda: table.drop(name),
        lambda: table.rename({name: "another"}),
        lambda: table.with_columns(another=pl.lit(1)),
        lambda: table.clear(),
        lambda: table.with_columns(pl.col(name).cast(pl.String)),
        lambda: table.with_columns(pl.lit(None).alias(name)),
        lambda: table[1:],
        lambda: table.with_columns(pl.lit(float("nan")).alias(name)),
        lambda: table.with_columns(pl.lit([[1]]).alias(name)),
        lambda: table.sample(fraction=1.0, shuffle=True, seed=1),
        lambda: pl.concat([table, table]),
        lambda: table.with_columns(pl.col(pl.Float64) * 1.01),
        lambda: table.with_columns(-pl.col(pl.Int64)),
    ]
    lots.choice(changes)().write_parquet(path)


def text(path: Path, lots: random.Random) -> None:
    """Put JSON of another shape there, or change a value in it."""
    whole = ["[]", "null", "1", '"x"', "{}", "{", "\xff", "[" * 100_000, '{"a": NaN}', ""]
    facts = json.loads(path.read_text()) if path.suffix == ".json" else {}
    for _ in range(10 if facts else 0):
        whole += [
            json.dumps(
                facts
                | {lots.choice(sorted(facts)): lots.choice([None, [], {}, "x", -1, {"x": [1]}])}
            )
        ]
    path.write_bytes(lots.choice(whole).encode("latin-1"))


TABLES, ANALYSIS, JSON = "tables/*.parquet", "analysis/*.parquet", "*.json"
KINDS: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "a bit of a file": (bit, ("*.*", "*/*.parquet")),
    "a file is cut": (cut, ("*.*", "*/*.parquet")),
    "another file of the folder": (other, (TABLES, ANALYSIS, JSON)),
    "missing, a folder, a link": (gone, ("*.*", "*/*.parquet")),
    "tables of another shape": (shape, (TABLES,)),
    "analysis of another shape": (shape, (ANALYSIS,)),
    "JSON of another shape": (text, (JSON,)),
}


# Reading


def in_process(*arguments: str) -> tuple[int, str, str]:
    """Run a command here; return exit code, standard output and standard error."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["evosim", *arguments]
    code: Any = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            cli_main.main()
    except SystemExit as end:
        code = end.code or 0
    finally:
        sys.argv = before
    return int(code), out.getvalue(), err.getvalue()


def plain(data: Any) -> Any:
    """Data without times and places."""
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items() if key not in VOLATILE}
    return [plain(value) for value in data] if isinstance(data, list) else data


def numbers(command: str, folder: Path, base: Path, scratch: Path) -> str:
    """The numbers that a command prints about a folder, as text.

    Raises `UserError` for one line with exit code 2.
    """
    if command == "load":
        run: Any = evosim.load(folder)
        tables = {name: table.write_json() for name, table in sorted(run.tables.items())}
        return json.dumps([plain(run.summary), tables, run.provenance["runs"]])
    arguments = {
        "analyze": ["analyze", str(folder), "--json"],
        "compare": ["compare", str(base), str(folder), "--json"],
        "export": ["export", str(folder), "--force", "--out", str(scratch)],
        "figures": ["figures", str(folder), "fitness", "--format", "svg"],
        "report": ["report", str(folder), "--force"],
    }[command]
    code, out, err = in_process(*arguments)
    lines = [line for line in err.splitlines() if "was made by other code" not in line]
    if code == 2 and len(lines) == 1:
        raise UserError(lines[0])
    if code or "Traceback" in err:
        raise RuntimeError(f"{command} ended with {code}: {err[-300:]}")
    if command == "export":
        return "".join(path.read_text() for path in sorted(scratch.rglob("*.csv")))
    if command == "figures":
        return (folder / "figures" / "fitness.svg").read_text()
    facts = plain(json.loads(out)) if command != "report" else {}
    return json.dumps(facts.get("differences", facts))


def attack(
    row: Row,
    damaged: Path,
    base: Path,
    right: dict[str, str],
    commands: tuple[str, ...],
    scratch: Path,
) -> None:
    """Read a damaged folder by some commands, and count."""
    row.tries += 1
    for command in commands:
        shutil.rmtree(scratch, ignore_errors=True)
        row.reads += 1
        try:
            outcome = numbers(command, damaged, base, scratch)
        except UserError as error:
            row.refused += "\n" not in str(error)
            row.tracebacks += "\n" in str(error)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            row.tracebacks += 1
            row.first = row.first or f"{command}: {type(error).__name__}: {error}"[:200]
        else:
            row.equal += outcome == right[command]
            row.wrong += outcome != right[command]
            if outcome != right[command]:
                row.first = row.first or f"{command}: other numbers"


def main() -> None:
    """Attack, and store the table."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--tries", type=int, default=60)
    options.add_argument("--flips", type=int, default=300)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    lots, start = random.Random(chosen.seed), time.perf_counter()
    problem = build_packaged("micro", *SETTINGS)
    with tempfile.TemporaryDirectory() as place:
        base, damaged, scratch = (Path(place) / name for name in ("base", "damaged", "scratch"))
        evosim.run(problem.experiment, out=base)
        numbers("load", base, base, scratch)  # which makes the analysis
        shutil.copytree(base, damaged)
        right = {command: numbers(command, damaged, base, scratch) for command in COMMANDS}
        rows = {kind: Row(kind) for kind in KINDS} | {"single bits": Row("single bits")}
        work = [
            *(lots.choice(list(KINDS)) for _ in range(chosen.tries)),
            *["single bits"] * chosen.flips,
        ]
        for i, kind in enumerate(work):
            shutil.rmtree(damaged)
            shutil.copytree(base, damaged)
            harm, patterns = KINDS.get(kind, (bit, ("*.*", "*/*.parquet")))
            files = sorted(
                {
                    path
                    for pattern in patterns
                    for path in damaged.glob(pattern)
                    if path.is_file() and "figures" not in path.parts
                }
            )
            path = lots.choice(files)
            harm(path, lots)
            before = rows[kind].first
            attack(
                rows[kind], damaged, base, right, COMMANDS if kind in KINDS else ("load",), scratch
            )
            if rows[kind].first != before:
                rows[kind].first = f"{path.relative_to(damaged)}: {rows[kind].first}"
            if sys.stderr.isatty() and i % 20 == 0:
                print(f"\r{i:,} of {len(work):,}", end="", file=sys.stderr)
    table = pl.DataFrame([asdict(row) for row in rows.values()])
    failures = sum(row.tracebacks + row.wrong for row in rows.values())
    study.Study("attack/damage", problem).store(
        {"damage": table},
        tries=chosen.tries,
        flips=chosen.flips,
        failures=failures,
        attack_seconds=round(time.perf_counter() - start, 1),
    )
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
