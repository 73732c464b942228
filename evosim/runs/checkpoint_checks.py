"""Check whether a checkpoint can belong to its experiment.

The hash of a file is not a signature, so a checkpoint may be forged. Sizes are bounded before
anything is read. Then every value must be possible in the experiment. A file that passes is
continued, although no run may have written it. Optimizers check their own states
(`Optimizer.restore`).
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis.table_schemas import COLUMNS, Ending, Shape
from evosim.config.schema import Experiment
from evosim.runs.checkpoint_facts import OPTIMIZER, ExperimentFacts, FinishedFacts, RunFacts
from evosim.runtime import blocks
from evosim.runtime.checksums import Damaged, shaped
from evosim.simulation.controls import controls_of

ROUNDING = 1e-9
HEADER = 2**16  # bytes of an array's header, at most

Arrays = Mapping[str, NDArray[Any]]


def check_archive(file: BinaryIO) -> None:
    """Refuse an archive of arrays that takes more room in memory than on disk.

    Parameters
    ----------
    file : BinaryIO
        An `.npz` file; afterwards it stands at its beginning.

    Raises
    ------
    Damaged
        If a member is compressed, or if an array is larger than its bytes or holds objects.
    """
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len({member.filename for member in members}) != len(members):
            raise Damaged("has two members of one name")
        for member in members:
            if (
                member.compress_type != zipfile.ZIP_STORED
                or member.file_size != member.compress_size
            ):
                raise Damaged("has compressed members")
            with archive.open(member) as opened:
                version = np.lib.format.read_magic(opened)
                header = (
                    np.lib.format.read_array_header_1_0
                    if version == (1, 0)
                    else np.lib.format.read_array_header_2_0
                )
                shape, _, dtype = header(opened, max_header_size=HEADER)
                if (
                    dtype.hasobject
                    or opened.tell() + math.prod(shape) * dtype.itemsize != member.file_size
                ):
                    raise Damaged("has an array that is larger than its bytes")
    file.seek(0)


def most_rows(experiment: Experiment) -> int:
    """Count the rows that a table in a checkpoint may have.

    Parameters
    ----------
    experiment : Experiment
        The experiment, or that of a control.

    Returns
    -------
    int
        The most that any of its tables may have.
    """
    shape = Shape(experiment, {})
    return max(shape.most_rows(name) for name in COLUMNS if name != "landscape")


def check_experiment(facts: Any, experiment: Experiment) -> ExperimentFacts:
    """Check the facts of an experiment's checkpoint.

    Parameters
    ----------
    facts : Any
        The facts of its `state.npz`.
    experiment : Experiment
        The experiment.

    Returns
    -------
    ExperimentFacts
        The facts.

    Raises
    ------
    Damaged
        If they have another shape, name files elsewhere, or name more runs than there can be.
    """
    stored = shaped(facts, ExperimentFacts)
    runs = len(experiment.seeds) * (1 + len(controls_of(experiment)))
    if (
        len(set(stored.parts)) != len(stored.parts)
        or stored.finished > runs
        or any(part.finished > runs for part in [*stored.interruptions, stored.part])
    ):
        raise Damaged("names more runs than there can be")
    if stored.run and not stored.run.generation < stored.run.generations == experiment.generations:
        raise Damaged(
            f"names generation {stored.run.generation} of {stored.run.generations}, where there are"
            f" {experiment.generations}"
        )
    return stored


def check_finished(
    facts: Any, arrays: Arrays, tables: Mapping[str, pl.DataFrame], experiment: Experiment
) -> FinishedFacts:
    """Check replicates that are complete.

    Parameters
    ----------
    facts, arrays, tables
        The contents of a file `runs-*.npz`.
    experiment : Experiment
        The experiment.

    Returns
    -------
    FinishedFacts
        The facts.

    Raises
    ------
    Damaged
        If a replicate, a table or a class cannot be of this experiment.
    """
    stored = shaped(facts, FinishedFacts)
    arms = {"": experiment, **controls_of(experiment)}
    endings_of: dict[str, dict[str, Ending]] = {}
    for control, seed, status, generations in stored.endings:
        endings = endings_of.setdefault(control, {})
        if (
            control not in arms
            or seed not in experiment.seeds
            or str(seed) in endings
            or generations > experiment.generations
        ):
            raise Damaged(
                f"names a run that cannot be (control '{control}', seed {seed}, {generations}"
                " generations)"
            )
        endings[str(seed)] = Ending(status=status, generations=generations)
    grows = {name: _growing(arm) for name, arm in arms.items()}
    long = experiment.generations > blocks.BLOCK  # then what grows with generations is in blocks
    if {(control, seed) for control, seed, *_ in stored.blocks} != (
        {ending[:2] for ending in stored.endings} if long else set()
    ):
        raise Damaged("has other blocks than its runs have")
    if any(set(part[5]) != grows[part[0]] for part in stored.blocks):
        raise Damaged("has blocks of other tables than its runs have")
    names = {control: {"populations", *(() if long else grows[control])} for control in endings_of}
    if tables.keys() != {f"{control}/{name}" for control in names for name in names[control]}:
        raise Damaged("has other tables than its runs have")
    for control, endings in endings_of.items():
        shape = Shape(arms[control], endings)
        for name in names[control]:
            try:
                shape.check(name, tables[f"{control}/{name}"])
            except Damaged as error:
                raise Damaged(f"holds a table {name} that {error}") from None
    _check_classes(arrays, Shape(experiment, {}))
    return stored


def _growing(experiment: Experiment) -> set[str]:
    """Names of the tables that grow with generations."""
    return {"generations", "loci", "alleles", *(["search"] if experiment.search_ledger else [])}


def check_replicate(
    facts: Any, arrays: Arrays, tables: Mapping[str, pl.DataFrame], experiment: Experiment
) -> RunFacts:
    """Check the state of one replicate.

    Parameters
    ----------
    facts, arrays, tables
        The contents of its file.
    experiment : Experiment
        The experiment of the replicate, or of its control.

    Returns
    -------
    RunFacts
        The facts.

    Raises
    ------
    Damaged
        If it is beyond the end, or if counts or tables cannot be of this experiment.
    """
    stored = shaped(facts, RunFacts)
    if not stored.generation < stored.generations == experiment.generations:
        raise Damaged(
            f"is at generation {stored.generation} of {stored.generations}, where there are"
            f" {experiment.generations}"
        )
    if stored.first != stored.blocks * blocks.BLOCK or stored.first > stored.generation + 1:
        raise Damaged(f"has {stored.blocks} blocks, and continues at generation {stored.first}")
    rows = stored.generation + 1 - stored.first
    shape = Shape(
        experiment, {str(stored.seed): Ending(status="complete", generations=stored.generation + 1)}
    )
    own = arrays.get(f"{OPTIMIZER}generation")
    if own is not None and (own.shape != () or own != stored.generation):
        raise Damaged(f"has an optimizer in another generation than {stored.generation}")
    _check_classes(arrays, shape)
    _check_counts(arrays, shape, rows)
    _check_tables(tables, stored, shape, rows)
    return stored


def _check_counts(arrays: Arrays, shape: Shape, rows: int) -> None:
    """Check frequencies and expressed values of `rows` generations. Raises `Damaged`."""
    grid = shape.grid
    widths = {
        "alleles": sum(len(locus.params.alleles) for locus in grid.loci),
        "mean": len(grid.loci),
    }
    for name, width in (
        ("alleles", "alleles"),
        ("adults", "alleles"),
        ("mean", "mean"),
        ("sd", "mean"),
    ):
        if name in arrays and rows and arrays[name].shape != (rows, widths[width]):
            raise Damaged(
                f"has '{name}' of the shape {arrays[name].shape}, and not ({rows}, {widths[width]})"
            )
        if name in arrays and not np.isfinite(arrays[name]).all():
            raise Damaged(f"has values in '{name}' that are no numbers")
        if (
            name in arrays
            and width == "alleles"
            and not ((arrays[name] >= 0.0) & (arrays[name] <= 1.0 + ROUNDING)).all()
        ):
            raise Damaged(f"has frequencies in '{name}' that cannot be")


def _check_tables(
    tables: Mapping[str, pl.DataFrame], stored: RunFacts, shape: Shape, rows: int
) -> None:
    """Check the tables of one replicate. Raises `Damaged`."""
    moments = _moments(shape.experiment, stored.generation)
    wanted = {
        "generations": "generations",
        **{f"snapshot {i}": "populations" for i in range(len(moments))},
    }
    if tables.keys() != wanted.keys():
        raise Damaged(
            f"has the tables {', '.join(sorted(tables)) or 'none'}, and not {', '.join(wanted)}"
        )
    if stored.first and tables["generations"].height != rows:
        raise Damaged(f"has {tables['generations'].height} rows of generations, and not {rows}")
    for name, own in wanted.items():
        if stored.first and own == "generations":
            continue  # a part of a table
        try:
            shape.check(own, tables[name])
        except Damaged as error:
            raise Damaged(f"holds a table '{name}' that {error}") from None
    for i, moment in enumerate(moments):
        if set(tables[f"snapshot {i}"].select("moment", "generation").rows()) != {moment}:
            raise Damaged(
                f"has a snapshot {i} that is not of '{moment[0]}' in generation {moment[1]}"
            )


def _moments(experiment: Experiment, generation: int) -> list[tuple[str, int]]:
    """Return moment and generation of each snapshot up to a generation."""
    return [
        (moment, g)
        for g in range(generation + 1)
        for moment, is_now in (
            ("first", g == 0),
            ("swap", g == experiment.swap - 1),
            ("snapshot", g in experiment.snapshots),
        )
        if is_now
    ]


def _check_classes(arrays: Arrays, shape: Shape) -> None:
    lived = arrays.get("lived")
    if (
        lived is None
        or lived.dtype != np.int64
        or lived.ndim != 1
        or (lived.size and not 0 <= lived.min() <= lived.max() < shape.grid.size)
    ):
        raise Damaged("names classes that the grid does not have")
