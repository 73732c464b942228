"""Check whether a checkpoint can belong to its experiment.

Its hash is no signature, so it may be forged.

Sizes are bounded before anything is read; then every value must be one that the experiment can
have. What passes is continued as if it had been left by a run; whether a run would have come to it
cannot be known.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from typing import Annotated, Any, BinaryIO, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, Strict

from evosim.analysis.table_schemas import COLUMNS, Ending, Shape
from evosim.config.schema import Experiment
from evosim.runtime import blocks
from evosim.runtime.checksums import Damaged, Strictly, shaped
from evosim.simulation.controls import controls_of

ROUNDING = 1e-9
HEADER = 2**16  # bytes of an array's header, at most
PART_FILE = r"^runs-\d{5,}\.npz$"

Arrays = Mapping[str, NDArray[Any]]


def _is_finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("must be finite")
    return value


Seconds = Annotated[float, Field(ge=0.0), AfterValidator(_is_finite)]


class UnderWay(Strictly):
    """The run that was under way."""

    label: str
    seed: int
    control: str
    generations: int = Field(ge=1)
    generation: int = Field(ge=0)
    # Generation of the first row that is here, and not in a block on disk
    first: int = Field(default=0, ge=0)
    blocks: int = Field(default=0, ge=0)
    seal: str = ""


class Part(Strictly):
    """What ended a part of a run, and where."""

    by: str | None
    saved: str
    run: str | None
    generation: int | None
    finished: int = Field(ge=0)
    seconds: dict[str, Seconds]


class Whole(Strictly):
    """The facts of `state.npz` of a whole run."""

    parts: list[Annotated[str, Field(pattern=PART_FILE)]]
    finished: int = Field(ge=0)
    run: UnderWay | None
    interruptions: list[Part]
    part: Part


class Replicates(Strictly):
    """The facts of `runs-*.npz`: control, seed, status and generations of each."""

    endings: list[
        Annotated[
            tuple[str, int, Literal["complete", "extinct"], Annotated[int, Field(ge=1)]],
            Strict(False),
        ]
    ]
    blocks: list[
        Annotated[tuple[str, int, str, Annotated[int, Field(ge=1)], str, list[str]], Strict(False)]
    ] = Field(default_factory=list)


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


def check_whole(facts: Any, experiment: Experiment) -> None:
    """Refuse facts of a whole run that cannot be.

    Parameters
    ----------
    facts : Any
        The facts of its `state.npz`.
    experiment : Experiment
        The experiment.

    Raises
    ------
    Damaged
        If they have another shape, name files elsewhere, or name more runs than there can be.
    """
    found = shaped(facts, Whole)
    runs = len(experiment.seeds) * (1 + len(controls_of(experiment)))
    if (
        len(set(found.parts)) != len(found.parts)
        or found.finished > runs
        or any(part.finished > runs for part in [*found.interruptions, found.part])
    ):
        raise Damaged("names more runs than there can be")
    if found.run and not found.run.generation < found.run.generations == experiment.generations:
        raise Damaged(
            f"names generation {found.run.generation} of {found.run.generations}, where there are"
            f" {experiment.generations}"
        )


def check_replicates(
    facts: Any, arrays: Arrays, tables: Mapping[str, pl.DataFrame], experiment: Experiment
) -> None:
    """Refuse replicates that are over and cannot be.

    Parameters
    ----------
    facts, arrays, tables
        The state in a `runs-*.npz`.
    experiment : Experiment
        The experiment.

    Raises
    ------
    Damaged
        If a replicate, a table or a class cannot be of this experiment.
    """
    found = shaped(facts, Replicates)
    arms = {"": experiment, **controls_of(experiment)}
    of: dict[str, dict[str, Ending]] = {}
    for control, seed, status, generations in found.endings:
        mine = of.setdefault(control, {})
        if (
            control not in arms
            or seed not in experiment.seeds
            or str(seed) in mine
            or generations > experiment.generations
        ):
            raise Damaged(
                f"names a run that cannot be (control '{control}', seed {seed}, {generations}"
                " generations)"
            )
        mine[str(seed)] = Ending(status=status, generations=generations)
    grows = {"generations", "loci", "alleles", *(["search"] if experiment.search_ledger else [])}
    long = experiment.generations > blocks.BLOCK  # then what grows with generations is in blocks
    if {(control, seed) for control, seed, *_ in found.blocks} != (
        {ending[:2] for ending in found.endings} if long else set()
    ):
        raise Damaged("has other blocks than its runs have")
    if any(set(part[5]) != grows for part in found.blocks):
        raise Damaged("has blocks of other tables than its runs have")
    names = {"populations", *(() if long else grows)}
    if tables.keys() != {f"{control}/{name}" for control in of for name in names}:
        raise Damaged("has other tables than its runs have")
    for control, endings in of.items():
        shape = Shape(arms[control], endings)
        for name in names:
            try:
                shape.check(name, tables[f"{control}/{name}"])
            except Damaged as error:
                raise Damaged(f"holds a table {name} that {error}") from None
    _check_classes(arrays, Shape(experiment, {}))


def check_one(
    facts: Any, arrays: Arrays, tables: Mapping[str, pl.DataFrame], experiment: Experiment
) -> None:
    """Refuse the state of one replicate that cannot be.

    Parameters
    ----------
    facts, arrays, tables
        The state.
    experiment : Experiment
        The experiment of the replicate, or of its control.

    Raises
    ------
    Damaged
        If it is beyond the end, or if newborns, counts or tables cannot be.
    """
    found = shaped(facts, UnderWay)
    if not found.generation < found.generations == experiment.generations:
        raise Damaged(
            f"is at generation {found.generation} of {found.generations}, where there are"
            f" {experiment.generations}"
        )
    if found.first != found.blocks * blocks.BLOCK or found.first > found.generation + 1:
        raise Damaged(f"has {found.blocks} blocks, and goes on at generation {found.first}")
    rows = found.generation + 1 - found.first
    shape = Shape(
        experiment, {str(found.seed): Ending(status="complete", generations=found.generation + 1)}
    )
    grid, born = shape.grid, arrays.get("genotypes", np.empty(0))
    if (
        born.dtype != np.uint8
        or born.ndim != 3
        or born.shape[1:] != (grid.ploidy, len(grid.loci))
        or not len(born)
    ):
        raise Damaged(
            f"has newborns of the shape {born.shape} and type {born.dtype}, and not [n,"
            f" {grid.ploidy}, {len(grid.loci)}] of uint8"
        )
    if (born >= np.array([len(locus.params.alleles) for locus in grid.loci])).any():
        raise Damaged("has newborns with alleles that do not exist")
    _check_classes(arrays, shape)
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
    moments = _moments(experiment, found.generation)
    wanted = {
        "generations": "generations",
        **{f"snapshot {i}": "populations" for i in range(len(moments))},
    }
    if tables.keys() != wanted.keys():
        raise Damaged(
            f"has the tables {', '.join(sorted(tables)) or 'none'}, and not {', '.join(wanted)}"
        )
    if found.first and tables["generations"].height != rows:
        raise Damaged(f"has {tables['generations'].height} rows of generations, and not {rows}")
    for name, own in wanted.items():
        if found.first and own == "generations":
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
    """Of the snapshots until a generation, the moment and the generation."""
    every = (
        (moment, g)
        for g in range(generation + 1)
        for moment, there in (
            ("first", g == 0),
            ("swap", g == experiment.swap - 1),
            ("snapshot", g in experiment.snapshots),
        )
        if there
    )
    return list(every)


def _check_classes(arrays: Arrays, shape: Shape) -> None:
    lived = arrays.get("lived")
    if (
        lived is None
        or lived.dtype != np.int64
        or lived.ndim != 1
        or (lived.size and not 0 <= lived.min() <= lived.max() < shape.grid.size)
    ):
        raise Damaged("names classes that the grid does not have")
