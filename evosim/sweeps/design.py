"""The cells of a sweep file: their swept parameters, resolved and checked."""

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

    Attributes
    ----------
    number : int
        Its place in the order of the file.
    settings : dict
        The swept parameters.
    digest : str
        Digest of all its resolved parameters; it names the cell.
    landscape : str
        Digest of worlds and genome. Cells with equal digests share a landscape.
    """

    number: int
    settings: Settings
    digest: str
    landscape: str


def base_tree(written: Written) -> TomlTable:
    """The experiment as written, with `[set]`. Raises `UserError`."""
    tree: TomlTable = json.loads(json.dumps(written.tree, default=str))
    for key, value in written.sweep.settings.items():
        set_value(tree, key, value, f"set.{key}")
    return tree


def number_of_cells(sweep: SweepFile) -> int:
    """The number of cells, without making them."""
    sizes = [len(values) for values in sweep.grid.values()]
    sizes += [len(next(iter(group.values()))) for group in sweep.zip]
    return math.prod(sizes) * (sweep.design.size if sweep.design else 1)


def settings_of(sweep: SweepFile) -> Iterator[Settings]:
    """The swept parameters of each cell: grid, zips, design; the first one changes slowest."""
    axes: list[list[Settings]] = [
        [{key: value} for value in _same_type(values)] for key, values in sweep.grid.items()
    ]
    for group in sweep.zip:
        lists = {key: _same_type(values) for key, values in group.items()}
        axes.append(
            [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]
        )
    if sweep.design:
        axes.append(points(sweep.design))
    for parts in itertools.product(*axes):
        yield {key: value for part in parts for key, value in part.items()}


def points(design: Design) -> list[Settings]:
    """The points of a design.

    Logarithms may differ in the last digit between machines, so the plan stores the values.
    """
    ranges = design.ranges
    positions = _unit(design, len(ranges))
    choices = {key: _same_type(r.choices) for key, r in ranges.items() if r.choices is not None}
    ranges = {
        key: r.model_copy(update={"choices": tuple(choices[key])}) if key in choices else r
        for key, r in ranges.items()
    }
    return [
        {key: r.at(u) for (key, r), u in zip(ranges.items(), row, strict=True)} for row in positions
    ]


def _unit(design: Design, dimensions: int) -> list[list[float]]:
    """`[size, dimensions]` points of the unit cube."""
    import numpy as np

    if design.kind == "random":
        points: list[list[float]] = (
            np.random.default_rng(design.seed).random((design.size, dimensions)).tolist()
        )
        return points
    from scipy.stats import qmc  # takes half a second

    sampler = (qmc.Sobol if design.kind == "sobol" else qmc.LatinHypercube)(
        dimensions, rng=design.seed
    )
    with warnings.catch_warnings():
        # A Sobol sequence that is not a power of two long is less balanced; docs say so
        warnings.simplefilter("ignore")
        filled: list[list[float]] = sampler.random(design.size).tolist()
    return filled


def _same_type(values: tuple[Any, ...]) -> list[Any]:
    """Values of one parameter. If some have a fraction, all become floats, as in a column."""
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return (
        [float(v) for v in values]
        if numbers and any(isinstance(v, float) for v in values)
        else list(values)
    )


def experiment_of(
    tree: TomlTable, settings: Settings, seed: int | None = None, name: str = "the cell"
) -> Experiment:
    """The resolved experiment of a cell, with one replicate.

    Parameters
    ----------
    tree : dict
        The experiment as written, with `[set]`.
    settings : dict
        The swept parameters.
    seed : int, optional
        Its seed; 0 by default.
    name : str
        Names the cell in messages.

    Raises
    ------
    UserError
        If the experiment is invalid. The message names the cell.
    """
    own: TomlTable = json.loads(json.dumps(tree))
    for key, value in settings.items():
        set_value(own, key, value, f"{name}, {key}")
    own["seed"], own["replicates"] = seed or 0, 1
    try:
        return resolve(own)
    except UserError as error:
        raise UserError(f"{name}{settings_words(settings)}: {error}") from None


def settings_words(settings: Settings) -> str:
    """The swept parameters of a cell in words, after its name."""
    words = ", ".join(f"{key}={json.dumps(value)}" for key, value in settings.items())
    return f" ({words})" if words else ""


def cells_of(
    sweep: SweepFile, tree: TomlTable, progress: Callable[[int, int], None] | None = None
) -> list[Cell]:
    """All cells in the order of the file, resolved and checked.

    Worlds and genomes of up to `BUILT` cells are also built. If there are more cells, only some are
    built. They have the first, last, smallest and largest values of each parameter, and some values
    in between. An error in another cell is recorded as a failure of its runs.

    Parameters
    ----------
    sweep : SweepFile
        The sweep file.
    tree : dict
        The experiment as written, with `[set]`.
    progress : Callable, optional
        Receives the number of cells that are resolved, and of all.

    Raises
    ------
    UserError
        If a cell is invalid, or if two cells are equal.
    """
    total = number_of_cells(sweep)
    if total * sweep.replicates > MOST_RUNS:
        raise UserError(
            f"the sweep has {total * sweep.replicates:,} runs; at most {MOST_RUNS:,} are allowed."
            " Use fewer values, points or replicates."
        )
    cells: list[Cell] = []
    by_digest: dict[str, int] = {}
    for number, settings in enumerate(settings_of(sweep)):
        experiment = experiment_of(tree, settings, name=f"cell {number}")
        digest = experiment.setting_digest()
        if digest in by_digest:
            other = cells[by_digest[digest]]
            raise UserError(
                f"two cells are equal: cell {other.number}{settings_words(other.settings)} and cell"
                f" {number}{settings_words(settings)} resolve to the same experiment"
                f" ({digest[:8]})."
                f" {_remedy_for_equal_cells(sweep, number, other)}"
            )
        by_digest[digest] = number
        cells.append(Cell(number, settings, digest, landscape_digest(experiment)))
        if progress:
            progress(number + 1, total)
    for number in to_be_built(cells):
        _build(tree, cells[number])
    return cells


def _remedy_for_equal_cells(sweep: SweepFile, number: int, other: Cell) -> str:
    """The remedy for two equal cells: remove one, unless they are points of the design."""
    if sweep.design is None or number % sweep.design.size == other.number % sweep.design.size:
        return "Remove one of the equal values."
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
        raise UserError(f"{name}{settings_words(cell.settings)}: {error}") from None


def all_are_built(cells: int) -> bool:
    """Whether all of so many cells are built before anything is written."""
    return cells <= BUILT


def to_be_built(cells: list[Cell]) -> list[int]:
    """The cells whose worlds and genomes are built before anything is written."""
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
