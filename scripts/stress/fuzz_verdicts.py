"""Verdicts of fuzzing: the required answer to each case of `fuzz_cases`."""

from __future__ import annotations

import math
import re
import resource
import signal
import sys
import time
import tomllib
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_cases import WORDS, Case, places_in

from evosim.analysis.shared_cache import gaps_of_pair
from evosim.config.experiments import read_experiment
from evosim.config.resolve import build, resolve
from evosim.config.schema import Experiment
from evosim.config.settings import apply_settings
from evosim.config.toml_files import read_toml
from evosim.config.toml_out import to_commented_toml
from evosim.errors import UserError, in_one_line
from evosim.runs.folder import run_folder
from evosim.sweeps.design import MOST_RUNS, number_of_cells
from evosim.sweeps.execute import sweep_folder
from evosim.sweeps.plan import make_plan
from evosim.sweeps.schema import read_sweep

SECONDS = 10.0  # of processor time an example; most take hundredths
# seconds of wall time: a pipe without a writer would block forever
HANGS = 120.0
MEMORY = 4 * 2**30  # bytes of addresses that an example may take more
MOST_PLANNED = 60  # cells: larger sweeps that are accepted are read and not planned
WIDEST = 100_000  # runs, likewise


@dataclass
class Verdict:
    """Result of an example: `accepted` or `refused` with the message.

    It also says what ran and lists the defects.
    """

    outcome: str = ""
    message: str = ""
    ran: bool = False
    seconds: float = 0.0
    defects: list[str] = field(default_factory=list)


def judge(case: Case, folder: Path, *, run: bool = False) -> Verdict:
    """Read an example as the commands do, up to the start of the computation.

    With `run`, a small accepted example is computed.
    """
    path = case.write(folder)
    verdict = Verdict()
    before = set(folder.rglob("*"))
    start = time.process_time()
    try:
        with _limited(), warnings.catch_warnings():
            warnings.simplefilter("error")
            accepted = (
                _experiment(case, path, verdict, run)
                if case.kind == "experiment"
                else _sweep(path, verdict, run)
            )
        verdict.outcome = "accepted" if accepted else "refused"
    except UserError as error:
        verdict.outcome, verdict.message = "refused", str(error)
        verdict.defects += faults_of(verdict.message, case)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        verdict.outcome = "refused"
        place = traceback.extract_tb(error.__traceback__)[-1]
        ours = [
            f
            for f in traceback.extract_tb(error.__traceback__)
            if "evosim" in f.filename or "/genomes/" in f.filename or "/worlds/" in f.filename
        ]
        place = ours[-1] if ours else place
        verdict.defects.append(
            f"{type(error).__name__} in {Path(place.filename).name}:{place.name}:"
            f" {str(error)[:150]!r}"
        )
    verdict.seconds = time.process_time() - start
    if not verdict.ran and verdict.seconds > SECONDS:
        verdict.defects.append(f"took {verdict.seconds:.1f} s")
    if set(folder.rglob("*")) != before:
        verdict.defects.append("left files behind")
    return verdict


def faults_of(message: str, case: Case) -> list[str]:
    """Defects of a refusal.

    It must be one line that states the error and a fix. It must name a key or the file.
    """
    faults = []
    if not message.isprintable() or len(message) > 2500:
        faults.append(f"not one short line: {message[:80]!r}")
    if not re.search(r"\S[.:?] \S.*[.?]$", message):  # the error, then the fix
        faults.append(f"no rule or no remedy: {message[:200]!r}")
    if not any(word in message for word in _names(case)):
        faults.append(f"names nothing: {message[:200]!r}")
    return faults


def _names(case: Case) -> set[str]:
    """Keys and files that a refusal of an example may name."""
    return {"given.toml", "base.toml", "--set", *WORDS, *_keys(case)}


def _keys(case: Case) -> set[str]:
    names = {setting.partition("=")[0].strip().split(".")[0] for setting in case.settings}
    tree: Any = {}
    try:
        tree = tomllib.loads(next(iter(case.files.values())).decode("utf-8-sig"))
        names |= {str(path[-1]) for path in places_in(tree)}
    except (ValueError, RecursionError):
        names |= set(tree)
    return {in_one_line(name) or '""' for name in names}


def _experiment(case: Case, path: Path, verdict: Verdict, run: bool) -> bool:
    chosen = resolve(apply_settings(read_experiment(str(path)), list(case.settings)))
    setting = build(chosen)
    gaps_of_pair(setting.pair)
    run_folder(chosen, None).exists()
    if (
        resolve(tomllib.loads(chosen.to_toml())) != chosen
        or resolve(tomllib.loads(to_commented_toml(chosen))) != chosen
    ):
        verdict.defects.append("the experiment as it is recorded or shown is another one")
    if not case.settings:
        lost = _lost(read_toml(path), chosen.model_dump(mode="json"))
        if lost:
            verdict.defects.append(f"silently ignored or changed: {lost[:150]}")
    for world in (setting.pair.ancestral, setting.pair.modern):
        if not all(
            np.isfinite(table).all()
            for table in (
                world.payoff,
                world.intent,
                world.features_felt,
                world.start,
                *world.beliefs.values(),
            )
        ):
            verdict.defects.append("a table of the world is not finite")
    if run and _is_small(chosen, setting.genome.grid.size):
        _run(chosen, verdict)
    return True


def _is_small(experiment: Experiment, grid: int) -> bool:
    size = experiment.optimizer.get("population", grid)
    return bool(
        experiment.world.name == "micro"
        and grid <= 3000
        and size <= 300
        and experiment.generations <= 60
        and experiment.world.ancestral["lifespan"] <= 20
    )


def _run(experiment: Experiment, verdict: Verdict) -> None:
    """Run one replicate with its account. All its numbers must be finite."""
    from evosim.fitness.landscape import Landscape
    from evosim.runs.in_memory import replicate

    verdict.ran = True
    one = build(experiment.model_copy(update={"replicates": 1}))
    result = replicate(one, Landscape(one))
    wrong = [name for name, value in result.numbers.items() if not math.isfinite(value)]
    if wrong:
        verdict.defects.append(f"not finite in the account: {', '.join(wrong[:3])}")


def _lost(written: Any, stored: Any, path: str = "") -> str:
    """The first item of a written tree that is missing in the stored one; empty if none is."""
    if isinstance(written, dict) and isinstance(stored, dict):
        return next(
            (
                lost
                for key in written
                if (lost := _lost(written[key], stored.get(key, _lost), f"{path}.{key}"))
            ),
            "",
        )
    if isinstance(written, list) and isinstance(stored, list) and len(written) == len(stored):
        return next(
            (
                lost
                for i, (w, k) in enumerate(zip(written, stored, strict=True))
                if (lost := _lost(w, k, f"{path}.{i}"))
            ),
            "",
        )
    if isinstance(written, int) and isinstance(stored, float):
        written = float(written)
    return (
        ""
        if written == stored and isinstance(written, bool) == isinstance(stored, bool)
        else f"{path} is {written!r} and became {stored!r}"
    )


def _sweep(path: Path, verdict: Verdict, run: bool) -> bool:
    written = read_sweep(path)
    cells = number_of_cells(written.sweep)
    if cells * written.sweep.replicates <= MOST_RUNS and (
        cells > MOST_PLANNED or cells * written.sweep.replicates > WIDEST
    ):
        return True
    plan = make_plan(written)
    sweep_folder(written, None).exists()
    tree = read_toml(path, "the sweep file")
    keys = [
        key
        for part in (
            tree.get("grid", {}),
            *tree.get("zip", []),
            tree.get("design", {}).get("ranges", {}),
        )
        for key in _leaves(part)
    ]
    if sorted(keys) != sorted(plan.kinds):
        verdict.defects.append(
            f"other parameters are swept than were written: {keys} {list(plan.kinds)}"
        )
    lost = [key for key in _leaves(tree.get("set", {})) if not _put(plan.tree, key)]
    if lost:
        verdict.defects.append(f"settings that were not put in: {lost}")
    if plan.frame.height != cells * written.sweep.replicates or plan.frame["run"].to_list() != list(
        range(plan.frame.height)
    ):
        verdict.defects.append("other runs are planned than were written")
    if run and cells <= 4:
        from evosim.sweeps.design import experiment_of
        from evosim.sweeps.plan import decoded

        row = plan.frame.row(0, named=True)
        experiment = experiment_of(plan.tree, decoded(row, plan.kinds), row["seed"])
        if experiment.setting_digest() != row["cell"]:
            verdict.defects.append("a run resolves to another cell than was planned")
        if _is_small(experiment, build(experiment).genome.grid.size):
            _run(experiment, verdict)
    return True


def _leaves(table: Any, path: str = "") -> list[str]:
    """Dotted keys of lists, ranges and values in nested tables."""
    out: list[str] = []
    for key, value in table.items():
        name = f"{path}.{key}" if path else key
        deeper = (
            isinstance(value, dict)
            and value
            and not {"low", "high", "choices", "scale", "integer"} & set(value)
        )
        out += _leaves(value, name) if deeper else [name]
    return out


def _put(tree: Any, key: str) -> bool:
    for step in key.split("."):
        if isinstance(tree, list) and step.isdigit():
            tree = tree[int(step)]
        elif isinstance(tree, dict) and step in tree:
            tree = tree[step]
        else:
            return False
    return True


class TookTooLong(Exception):
    """An example does not end in time."""


@contextmanager
def _limited() -> Iterator[None]:
    """An example may neither hang nor take all memory."""

    def late(*_: object) -> None:
        raise TookTooLong(f"more than {HANGS:g} s")

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = (
        int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        if sys.platform == "linux"
        else 0
    )
    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, HANGS)
    try:
        if pages:
            resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, hard))
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
