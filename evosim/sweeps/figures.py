"""Figures of an analysed sweep: their names, and the files they are drawn into."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from evosim.errors import UserError, unknown
from evosim.runtime.names import file_names
from evosim.sweeps.analysis_tables import Analysis
from evosim.sweeps.chart_inputs import ChartInputs
from evosim.sweeps.charts import (
    ChartParts,
    design,
    effects,
    losses,
    phase,
    scatter,
    steps,
    words_of,
)
from evosim.sweeps.queries import factor_named
from evosim.sweeps.schema import read_alone

KINDS = {
    "losses": "the three losses across a swept parameter, in both worlds",
    "phase": (
        "a quantity over two swept parameters as a map, over one as a line, over a design as points"
    ),
    "effects": "effect of each swept parameter on a quantity, the others averaged",
    "design": "a quantity against each parameter of a design",
    "steps": "loss of each step of the ladder across a swept parameter, in both worlds",
}


@dataclass(frozen=True)
class DrawOptions:
    """How figures are drawn.

    Attributes
    ----------
    formats : tuple[str, ...]
        File formats, such as `png`.
    names : Sequence[str] or None
        Figures, or kinds of figures; None for all.
    size : str
        `screen`, `one` or `two` columns.
    on_failure : Callable, optional
        Receives a sentence about a figure that could not be drawn.
    """

    formats: tuple[str, ...]
    names: Sequence[str] | None = None
    size: str = "screen"
    on_failure: Callable[[str], object] | None = None


def draw(
    folder: Path,
    analysis: Analysis,
    quantities: list[str],
    x: str | None = None,
    y: str | None = None,
    *,
    options: DrawOptions,
) -> list[Path]:
    """Draw the figures of a sweep into its folder.

    Parameters
    ----------
    folder, analysis : Path
        Of the sweep.
    quantities : list[str]
        Quantities to draw.
    x, y : str or None
        Parameters for the axes, by name or an end of it.
    options : DrawOptions
        Formats, names and size.

    Returns
    -------
    The files.

    Raises
    ------
    UserError
        If an option is wrong, or if the sweep has one cell only.
    """
    from evosim.figures import FORMATS, SIZES, draw_charts, warn_of_failure

    if options.size not in SIZES:
        raise unknown("--size", options.size, SIZES)
    for kind in options.formats:
        if kind not in FORMATS:
            raise unknown("--format", kind, FORMATS)
    axes = (
        factor_named(analysis, name, option) if name else None
        for name, option in ((x, "--x"), (y, "--y"))
    )
    inputs = ChartInputs(analysis, read_alone(folder / "sweep.toml"), *axes)
    if inputs.x and inputs.x == inputs.y:
        raise UserError(f"--x and --y are both {inputs.x}. Give two parameters.")
    if (inputs.x in inputs.sampled) != (inputs.y in inputs.sampled) and inputs.x and inputs.y:
        raise UserError(
            "--x and --y: one is a parameter of the grid, the other of the design. Give two of the"
            " same kind."
        )
    if not inputs.factors and not inputs.sampled:
        raise UserError(
            f"{folder} has one cell, so there is nothing to draw. Draw a single run: 'evosim run'"
            " and 'evosim figures'."
        )
    return draw_charts(
        folder / "figures",
        charts(inputs, quantities, options.names),
        options.formats,
        size=options.size,
        on_failure=options.on_failure or warn_of_failure,
        required=options.names or (),
    )


def charts(
    inputs: ChartInputs, quantities: list[str], names: Iterable[str] | None = None
) -> Iterator[tuple[str, Any]]:
    """The figures of a sweep by name.

    Parameters
    ----------
    inputs : ChartInputs
        Data of the figures.
    quantities : list[str]
        Quantities to draw.
    names : Iterable[str] or None
        Kinds (`phase`) or names (`phase-fitness`) of figures; None for all.

    Raises
    ------
    UserError
        If a name is unknown.
    """
    from evosim.figures.theme import themed

    makers = _chart_makers(inputs, quantities)
    wanted = None if names is None else set(names)
    for name in sorted((wanted or set()) - set(KINDS)):
        if name not in makers:
            raise unknown("a figure", name, [*KINDS, *makers])
    for name, make in makers.items():
        if wanted is not None and name not in wanted and name.partition("-")[0] not in wanted:
            continue
        if parts := make():
            yield name, themed(*parts)


def _chart_makers(
    inputs: ChartInputs, quantities: list[str]
) -> dict[str, Callable[[], ChartParts | None]]:
    """A function for each figure; it gives None if there is nothing to draw."""
    makers: dict[str, Callable[[], ChartParts | None]] = {}
    slugs = file_names(quantities)
    short = file_names((inputs.short[factor].replace(" ", "-") for factor in inputs.factors), ".")
    chosen_axes = {inputs.x, inputs.y} & set(inputs.sampled)
    of_design = bool(chosen_axes) or not (inputs.x or inputs.factors)
    of_lines = [inputs.x] if inputs.x else inputs.factors
    slug_of = {
        factor: short[inputs.short[factor].replace(" ", "-")]
        for factor in of_lines
        if factor in inputs.factors
    }
    for factor, slug in slug_of.items():
        makers[f"losses-{slug}"] = partial(losses, inputs, factor)
    for name in quantities:
        words, slug = words_of(name, desires=inputs.analysis.has_desires), slugs[name]
        map_of = scatter if inputs.sampled and of_design else phase
        makers[f"phase-{slug}"] = partial(map_of, inputs, name, words)
        makers[f"effects-{slug}"] = partial(effects, inputs, name, words)
        makers[f"design-{slug}"] = partial(design, inputs, name, words)
    for factor, slug in slug_of.items():
        makers[f"steps-{slug}"] = partial(steps, inputs, factor)
    return makers
