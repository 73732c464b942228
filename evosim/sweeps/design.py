"""From a sweep file to cells: which parameters each has, and what they resolve to."""

from __future__ import annotations

import itertools
import json
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from evosim.analysis.shared_cache import gaps_of_pair
from evosim.config.landscape_search import landscape_digest
from evosim.config.resolve import build, resolve
from evosim.config.schema import Experiment
from evosim.config.settings import set_value
from evosim.errors import UserError
from evosim.sweeps.schema import Design, SweepFile, TomlTable, Written

Settings = TomlTable  # values of swept parameters, by dotted name
MOST_RUNS = 20_000_000
BUILT = 500


@dataclass(frozen=True)
class Cell:
    """One combination of parameters.

    Attributes:
        number: its place in the order of the file.
        settings: the swept parameters.
        digest: of all its resolved parameters; its name.
        landscape: digest of world and genome: cells that share it share a landscape.
    """

    number: int
    settings: Settings
    digest: str
    landscape: str


def base_tree(written: Written) -> TomlTable:
    """The written experiment with what `[set]` changes for all cells. Raises `UserError`."""
    tree: TomlTable = json.loads(json.dumps(written.tree, default=str))
    for key, value in written.sweep.settings.items():
        set_value(tree, key, value, f"set.{key}")
    return tree


def number_of_cells(sweep: SweepFile) -> int:
    """How many cells there are, without making them."""
    sizes = [len(values) for values in sweep.grid.values()]
    sizes += [len(next(iter(group.values()))) for group in sweep.zip]
    return math.prod(sizes) * (sweep.design.size if sweep.design else 1)


def settings_of(sweep: SweepFile) -> Iterator[Settings]:
    """The swept parameters of each cell: grid, then zips, then design; the first parameter changes
    slowest.
    """
    axes: list[list[Settings]] = [
        [{key: value} for value in _alike(values)] for key, values in sweep.grid.items()
    ]
    for group in sweep.zip:
        lists = {key: _alike(values) for key, values in group.items()}
        axes.append(
            [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]
        )
    if sweep.design:
        axes.append(points(sweep.design))
    for parts in itertools.product(*axes):
        yield {key: value for part in parts for key, value in part.items()}


def points(design: Design) -> list[Settings]:
    """The points of a design.

    The same on every machine but for the last digit of logarithms: the plan keeps the values.
    """
    ranges = design.ranges
    made = _unit(design, len(ranges))
    choices = {key: _alike(r.choices) for key, r in ranges.items() if r.choices is not None}
    ranges = {
        key: r.model_copy(update={"choices": tuple(choices[key])}) if key in choices else r
        for key, r in ranges.items()
    }
    return [{key: r.at(u) for (key, r), u in zip(ranges.items(), row, strict=True)} for row in made]


def _unit(design: Design, dimensions: int) -> list[list[float]]:
    """`[size, dimensions]` points of the unit cube."""
    import numpy as np

    if design.kind == "random":
        drawn: list[list[float]] = (
            np.random.default_rng(design.seed).random((design.size, dimensions)).tolist()
        )
        return drawn
    from scipy.stats import qmc  # takes half a second

    sampler = (qmc.Sobol if design.kind == "sobol" else qmc.LatinHypercube)(
        dimensions, rng=design.seed
    )
    with warnings.catch_warnings():
        # A Sobol sequence that is not a power of two long is less balanced; docs say so
        warnings.simplefilter("ignore")
        filled: list[list[float]] = sampler.random(design.size).tolist()
    return filled


def _alike(values: tuple[Any, ...]) -> list[Any]:
    """Values of one parameter; if some have a fraction, all are written with one, so that a column
    holds them as they are.
    """
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return (
        [float(v) for v in values]
        if numbers and any(isinstance(v, float) for v in values)
        else list(values)
    )


def experiment_of(
    tree: TomlTable, settings: Settings, seed: int | None = None, name: str = "the cell"
) -> Experiment:
    """A cell's resolved experiment with one replicate; `seed` is 0 if none is given.

    Raises `UserError` that names the cell.
    """
    own: TomlTable = json.loads(json.dumps(tree))
    for key, value in settings.items():
        set_value(own, key, value, f"{name}, {key}")
    own["seed"], own["replicates"] = seed or 0, 1
    try:
        return resolve(own)
    except UserError as error:
        raise UserError(f"{name}{told(settings)}: {error}") from None


def told(settings: Settings) -> str:
    """A cell's settings in words, at the end of its name."""
    words = ", ".join(f"{key}={json.dumps(value)}" for key, value in settings.items())
    return f" ({words})" if words else ""


def cells_of(
    sweep: SweepFile, tree: TomlTable, progress: Callable[[int, int], None] | None = None
) -> list[Cell]:
    """All cells, resolved and checked, in the order of the file. Raises `UserError`.

    Each is resolved. Worlds and genomes are also built, of up to `BUILT` cells: all, or else those
    with the first, last, least and largest value of each parameter and some between. What is wrong
    only with another cell is recorded as its failure.
    """
    total = number_of_cells(sweep)
    if total * sweep.replicates > MOST_RUNS:
        raise UserError(
            f"a sweep must have at most {MOST_RUNS:,} runs, but has {total * sweep.replicates:,}."
            " Make it smaller."
        )
    made: list[Cell] = []
    by_digest: dict[str, int] = {}
    for number, settings in enumerate(settings_of(sweep)):
        experiment = experiment_of(tree, settings, name=f"cell {number}")
        digest = experiment.setting_digest()
        if digest in by_digest:
            other = made[by_digest[digest]]
            raise UserError(
                f"cells must differ, but cell {other.number}{told(other.settings)} and cell"
                f" {number}{told(settings)} resolve to the same experiment ({digest[:8]})."
                f" {_apart(sweep, number, other)}"
            )
        by_digest[digest] = number
        made.append(Cell(number, settings, digest, landscape_digest(experiment)))
        if progress:
            progress(number + 1, total)
    for number in to_be_built(made):
        _build(tree, made[number])
    return made


def _apart(sweep: SweepFile, number: int, other: Cell) -> str:
    """How cells that are alike can be told apart.

    Points of a design, which changes fastest, cannot be removed.
    """
    if sweep.design is None or number % sweep.design.size == other.number % sweep.design.size:
        return "Remove one."
    return (
        f"They are points of the design, which has design.size = {sweep.design.size}. Give a"
        " smaller size or a wider range."
    )


def _build(tree: TomlTable, cell: Cell) -> None:
    name = f"cell {cell.number}"
    experiment = experiment_of(tree, cell.settings, name=name)
    try:
        gaps_of_pair(build(experiment).pair)
    except UserError as error:
        raise UserError(f"{name}{told(cell.settings)}: {error}") from None


def all_are_built(cells: int) -> bool:
    """Whether so many cells are all built before anything is written."""
    return cells <= BUILT


def to_be_built(cells: list[Cell]) -> list[int]:
    """Which cells are tried out before anything is written."""
    if all_are_built(len(cells)):
        return list(range(len(cells)))
    chosen = {0, len(cells) - 1}
    for key in cells[0].settings:
        values = [cell.settings[key] for cell in cells]
        first: dict[str, int] = {}
        for i, value in enumerate(values):
            first.setdefault(json.dumps(value), i)
        chosen.update(list(first.values())[:20])
        if all(isinstance(v, int | float) for v in values):
            chosen |= {values.index(min(values)), values.index(max(values))}
    return sorted(chosen | set(range(0, len(cells), len(cells) // 100)))
