"""Figures of an analysed sweep: which there are, and how each is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from evosim.analysis.intervals import level
from evosim.errors import UserError, unknown
from evosim.runtime.names import file_names
from evosim.sweeps.analysis import (
    DESIGN,
    EXTINCT,
    SHARES,
    Analysis,
    factor_named,
    label,
    short_factors,
    short_names,
)
from evosim.sweeps.schema import SweepFile, read_alone
from evosim.sweeps.tables import not_told, within
from evosim.tables.ladder import RUNG_WORDS

KINDS = {
    "phase": (
        "a quantity over two swept parameters as a map, over one as a line, over a design as points"
    ),
    "effects": "what each swept parameter does to a quantity, the others averaged",
    "design": "a quantity against each parameter of a design",
    "steps": "what each step of the ladder loses across a swept parameter, in both worlds",
}


@dataclass(frozen=True, eq=False)
class Easel:
    """What charts are made from.

    Attributes:
        analysis: of the sweep.
        sweep: its file.
        x, y: swept parameters that were asked for.
    """

    analysis: Analysis
    sweep: SweepFile
    x: str | None
    y: str | None

    def of(self, table: str, name: str) -> pl.DataFrame:
        """Rows of a quantity."""
        return self.analysis.tables[table].filter(pl.col("quantity") == name)

    @property
    def factors(self) -> dict[str, dict[str, Any]]:
        """Factors with more than one level, without the design."""
        return {
            f["name"]: f
            for f in self.analysis.facts["factors"]
            if f["name"] != DESIGN and len(f["levels"]) > 1
        }

    @property
    def sampled(self) -> list[str]:
        """Parameters of the design."""
        return [
            key
            for f in self.analysis.facts["factors"]
            if f["name"] == DESIGN
            for key in f["parameters"]
        ]

    @property
    def short(self) -> dict[str, str]:
        """Names for reading."""
        names = short_factors(self.analysis.facts["factors"]) | (
            short_names(self.sampled) if self.sampled else {}
        )
        return {key: name.replace("_", " ") for key, name in names.items()}

    def ranked(self, name: str) -> list[str]:
        """Factors by their share of the variance with others, largest first; in the file's order
        where none can be told.
        """
        rows = (
            self.of("shares", name)
            .filter(pl.col("with").is_null() & pl.col("order").is_in(["total", "first"]))
            .drop_nulls("share")
        )
        shares = {row["factor"]: row["share"] for row in rows.sort("order").iter_rows(named=True)}
        return sorted(self.factors, key=lambda key: -shares.get(key, 0.0))

    def ranked_sampled(self, name: str) -> list[str]:
        """Parameters of the design, by share or else by rank correlation."""
        rows = {
            row["parameter"]: row
            for row in (
                self.of("sampled", name).filter(pl.col("with").is_null()).iter_rows(named=True)
            )
        }
        return sorted(
            self.sampled,
            key=lambda key: (
                -max(
                    (rows.get(key, {}).get("share") or 0.0),
                    abs(rows.get(key, {}).get("correlation") or 0.0) ** 2,
                )
            ),
        )

    def which(self, name: str, note: str = "", *, paired: bool = True) -> list[str]:
        """The lines below a title.

        `paired`: what is shown is of the seeds alone that were measured in every cell.
        """
        facts = self.analysis.facts
        runs = facts["runs"]
        ended = [
            f"{runs[word]:,} {words}"
            for word, words in (
                (EXTINCT, "died out"),
                ("failed", "failed"),
                ("missing", "not done"),
            )
            if runs[word]
        ]
        seeds = "1 seed" if facts["replicates"] == 1 else f"{facts['replicates']} seeds each"
        out = [
            f"{facts['name']} {facts['sweep'][:8]}: {facts['cells']:,} cells, {seeds}"
            + (f"; runs: {', '.join(ended)}" if ended else "")
        ]
        left = self.of("quantities", name)["seeds_left_out"].sum() if name and paired else 0
        notes = [note] if note else []
        notes += [f"{left} seeds that were not measured in every cell are left out"] if left else []
        return out + notes


def draw(
    folder: Path,
    analysis: Analysis,
    quantities: list[str],
    x: str | None,
    y: str | None,
    formats: tuple[str, ...],
    names: Sequence[str] | None = None,
    size: str = "screen",
    failed: Callable[[str], object] | None = None,
) -> list[Path]:
    """Draw the figures of a sweep into its folder, or those named, which must be there; gives the
    paths. Raises `UserError`.
    """
    from evosim.figures import FORMATS, SIZES, draw_charts, warn_of_failure

    if size not in SIZES:
        raise unknown("--size", size, SIZES)
    for kind in formats:
        if kind not in FORMATS:
            raise unknown("--format", kind, FORMATS)
    given = (
        factor_named(analysis, name, option) if name else None
        for name, option in ((x, "--x"), (y, "--y"))
    )
    easel = Easel(analysis, read_alone(folder / "sweep.toml"), *given)
    if easel.x and easel.x == easel.y:
        raise UserError(f"--x and --y must be two parameters, but both are {easel.x}. Change one.")
    if (easel.x in easel.sampled) != (easel.y in easel.sampled) and easel.x and easel.y:
        raise UserError(
            "--x and --y must both be of grid and zip, or both of the design, but are one of each."
            " Change one."
        )
    if not easel.factors and not easel.sampled:
        raise UserError(
            f"{folder} must have a parameter with two values to be drawn, but has one cell. Use"
            " 'evosim run' and 'evosim figures'."
        )
    return draw_charts(
        folder / "figures",
        charts(easel, quantities, names),
        formats,
        size=size,
        on_failure=failed or warn_of_failure,
        required=names or (),
    )


def charts(
    easel: Easel, quantities: list[str], names: Iterable[str] | None = None
) -> Iterator[tuple[str, Any]]:
    """Every figure by name; or those named, by a kind (`phase`) or whole (`phase-fitness`).

    Raises `UserError` where a whole name is unknown.
    """
    from evosim.figures.theme import themed

    there: dict[str, Callable[[], Made | None]] = {}
    slugs, short = (
        file_names(quantities),
        file_names((easel.short[factor].replace(" ", "-") for factor in easel.factors), "."),
    )
    for name in quantities:
        words, slug = words_of(name), slugs[name]
        sampled = bool(easel.sampled) and (
            easel.x in easel.sampled or easel.y in easel.sampled or not (easel.x or easel.factors)
        )
        there[f"phase-{slug}"] = partial(_scatter if sampled else _phase, easel, name, words)
        there[f"effects-{slug}"] = partial(_effects, easel, name, words)
        there[f"design-{slug}"] = partial(_design, easel, name, words)
    for factor in [easel.x] if easel.x else easel.factors:
        if factor in easel.factors:
            there[f"steps-{short[easel.short[factor].replace(' ', '-')]}"] = partial(
                _steps, easel, factor
            )
    wanted = None if names is None else set(names)
    for name in sorted((wanted or set()) - set(KINDS)):
        if name not in there:
            raise unknown("a figure", name, [*KINDS, *there])
    for name, make in there.items():
        if (wanted is None or name in wanted or name.partition("-")[0] in wanted) and (
            made := make()
        ):
            yield name, themed(*made)


def words_of(name: str) -> str:
    """A quantity in words."""
    parts = name.split(".")
    if len(parts) != 4 or parts[0] not in ("ladder", "behaviour"):
        return {EXTINCT: "share of populations that died out"}.get(name, name.replace("_", " "))
    what, world = parts[3].replace("_", " "), parts[1][0].upper()
    return {
        "steps": f"loss by {what} in {world}",
        "rungs": f"worth in {world} of the {RUNG_WORDS.get(parts[3], what).removeprefix('the ')}",
        "kinds": f"{what} regret in {world}",
        "acts": f"regret in {world} by {what}",
    }.get(parts[2], name)


def _axis(easel: Easel, factor: str) -> Any:
    from evosim.figures.sweep_charts import Axis

    known = easel.factors[factor]
    return Axis(
        easel.short[factor],
        tuple(known["levels"]),
        tuple(known["values"]) if known["values"] else None,
    )


Made = tuple[Any, str, list[str], str]  # a chart, its title, the lines below that, and what it says


def _spread(easel: Easel) -> str:
    facts = easel.analysis.facts
    return (
        f"{level(facts['confidence'])} confidence interval over seeds"
        if facts["replicates"] >= facts["fewest_seeds"]
        else ""
    )


def _phase(easel: Easel, name: str, words: str) -> Made | None:
    """The phase diagram of two factors, or the line of one."""
    from evosim.figures import sweep_charts

    asked = [key for key in (easel.x, easel.y) if key]
    order = [*asked, *(key for key in easel.ranked(name) if key not in asked)][:2]
    if easel.y and not easel.x and len(order) == 2:
        order.reverse()
    rest = [easel.short[key] for key in easel.factors if key not in order] + (
        [DESIGN] if easel.sampled else []
    )
    frame = _means(easel, name, order)
    if frame is None or frame["mean"].null_count() == frame.height:
        return None
    over = f"mean over {', '.join(rest)}, each level weighted alike" if rest else ""
    notes = [
        over,
        (
            "(n/m): measured in n of m runs"
            if not rest and frame["note"].str.starts_with("(").any()
            else ""
        ),
    ]
    if len(order) == 1:
        note = "; ".join(
            part
            for part in (f"bars and band: {_spread(easel)}" if _spread(easel) else "", *notes)
            if part
        )
        shown = frame.filter(pl.col("mean").is_not_null())
        said = (
            f"A line of {words} against {easel.short[order[0]]}."
            f" {sweep_charts.along(shown, easel.short[order[0]])}"
        )
        return (
            sweep_charts.across(shown, _axis(easel, order[0]), words),
            f"{_capital(words)}, by {easel.short[order[0]]}",
            easel.which(name, note, paired=bool(rest)),
            said,
        )
    mark = "[ ]: " if name in SHARES else "\u00b1 half the "
    note = "; ".join(
        part for part in (mark + _spread(easel) if _spread(easel) else "", *notes) if part
    )
    chart = sweep_charts.phase(
        frame, _axis(easel, order[0]), _axis(easel, order[1]), words, both_ends=name in SHARES
    )
    pair = (easel.short[order[0]], easel.short[order[1]])
    said = f"A map of {words} by {pair[0]} and {pair[1]}. {sweep_charts.extremes(frame, pair)}"
    return (
        chart,
        f"{_capital(words)}, by {pair[0]} and {pair[1]}",
        easel.which(name, note, paired=bool(rest)),
        said,
    )


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def _means(easel: Easel, name: str, order: list[str]) -> pl.DataFrame | None:
    """Means over all but one or two factors: columns `x`, `y`, `mean`, `low`, `high`, `note`.

    With no other factor, each cell of its own runs, also where some were not measured; otherwise of
    seeds measured in every cell.
    """
    if len(easel.analysis.facts["factors"]) == len(order):
        return _cells(easel, name, order)
    if len(order) == 1:
        rows = easel.of("effects", name).filter(pl.col("factor") == order[0])
        return (
            rows.select(x="level", mean="mean", low="low", high="high", note=pl.lit(""))
            if rows.height
            else None
        )
    pairs = easel.of("pairs", name)
    for one, other, x, y in (
        (*order, "level", "with_level"),
        (*reversed(order), "with_level", "level"),
    ):
        rows = pairs.filter((pl.col("factor") == one) & (pl.col("with") == other))
        if rows.height:
            return rows.select("mean", "low", "high", x=x, y=y, note=pl.lit(""))
    return None


def _cells(easel: Easel, name: str, order: list[str]) -> pl.DataFrame:
    rows = easel.of("cells", name)
    ended = pl.col("complete") + pl.col(EXTINCT)
    planned = ended + pl.col("failed") + pl.col("missing")
    why = (
        pl.when(pl.col("measured") == planned)
        .then(pl.lit(""))
        .when(pl.col("measured") > 0)
        .then(pl.format("({}/{})", "measured", planned))
        .when((pl.col(EXTINCT) == ended) & (ended > 0))
        .then(pl.lit("died out"))
        .when(pl.col("failed") > 0)
        .then(pl.lit("failed"))
        .when(ended == 0)
        .then(pl.lit("not done"))
        .otherwise(pl.lit("not measured"))
    )
    labels = {}
    for place, factor in zip(("x", "y"), order, strict=False):
        labels[place] = pl.Series(place, _levels(easel, rows, factor))
    return rows.select("mean", "low", "high", note=why).with_columns(*labels.values())


def _levels(easel: Easel, rows: pl.DataFrame, factor: str) -> list[str]:
    """The label of each row's level."""
    parameters = easel.factors[factor]["parameters"]
    kinds = easel.analysis.facts["kinds"]
    return [
        ", ".join(label(value, kinds[key]) for key, value in zip(parameters, row, strict=True))
        for row in rows.select(parameters).rows()
    ]


def _effects(easel: Easel, name: str, words: str) -> Made | None:
    """Main effects of the factors."""
    from evosim.figures import sweep_charts

    shares = easel.of("shares", name).filter(pl.col("order") == "first").drop_nulls("share")
    alone = {row["factor"]: row["share"] for row in shares.iter_rows(named=True)}
    panels = []
    for factor in easel.ranked(name):
        rows = easel.of("effects", name).filter(pl.col("factor") == factor)
        above = f"{within(alone[factor]):.0%} of the variance" if factor in alone else ""
        if rows.height:
            panels.append(
                (
                    _axis(easel, factor),
                    above,
                    rows.select(x="level", mean="mean", low="low", high="high"),
                )
            )
    if len(panels) < 2:
        return None
    lines = easel.which(
        name,
        "means over all levels of the others"
        + (f"; bars and bands: {_spread(easel)}" if _spread(easel) else ""),
    )
    if untold := not_told(
        easel.of("quantities", name).row(0, named=True), easel.analysis.facts["confidence"]
    ):
        lines.append(untold)
    said = "; ".join(
        f"{axis.title}{f' ({above})' if above else ''}: {sweep_charts.along(frame, axis.title)}"
        for axis, above, frame in panels
    )
    return (
        sweep_charts.main_effects(panels, words),
        f"{_capital(words)}: what each parameter does",
        lines,
        f"Panels of mean {words} against each parameter. {said}",
    )


def _steps(easel: Easel, factor: str) -> Made | None:
    """Steps of both ladders across a factor."""
    from evosim.figures import sweep_charts

    parts = []
    for world in ("ancestral", "modern"):
        for step in sweep_charts.STEPS:
            found = _means(easel, f"ladder.{world}.steps.{step}", [factor])
            if (
                found is not None
                and found["mean"].drop_nulls().len()
                and (found["mean"].abs() > 1e-9).any()
            ):
                parts.append(
                    found.drop_nulls("mean").select(
                        "x", "mean", "low", "high", world=pl.lit(world), step=pl.lit(step)
                    )
                )
    if not parts:
        return None
    rest = [easel.short[key] for key in easel.factors if key != factor] + (
        [DESIGN] if easel.sampled else []
    )
    note = "; ".join(
        part
        for part in (
            f"bars: {_spread(easel)}" if _spread(easel) else "",
            f"means over {', '.join(rest)}" if rest else "",
            "steps that are 0 are not shown",
        )
        if part
    )
    short = easel.short[factor]
    said = " ".join(
        f"{part['step'][0]} in {part['world'][0][0].upper()}: {sweep_charts.along(part, short)}"
        for part in parts
    )
    return (
        sweep_charts.steps(pl.concat(parts), _axis(easel, factor)),
        f"What each step of the ladder loses, by {short}",
        easel.which("", note),
        f"Lines of what each step loses against {short}. {said}",
    )


def _points(easel: Easel, name: str) -> pl.DataFrame:
    """Points of the design with their means over the grid; intervals where there is no grid."""
    rows = easel.of("cells", name)
    if len(easel.analysis.facts["factors"]) == 1:
        return rows.select(*easel.sampled, "mean", "low", "high").drop_nulls("mean")
    whole = rows.group_by(easel.sampled, maintain_order=True).agg(
        pl.col("mean").mean(), pl.col("mean").null_count().alias("holes")
    )
    empty = pl.lit(None, dtype=pl.Float64)
    return whole.filter(pl.col("holes") == 0).select(*easel.sampled, "mean", low=empty, high=empty)


def _log(easel: Easel, key: str) -> bool:
    return bool(easel.sweep.design) and easel.sweep.design.ranges[key].scale == "log"  # type: ignore[union-attr]


def _scatter(easel: Easel, name: str, words: str) -> Made | None:
    """The phase diagram of a design: its points by two of its parameters."""
    from evosim.figures import sweep_charts

    asked = [key for key in (easel.x, easel.y) if key]
    order = [*asked, *(key for key in easel.ranked_sampled(name) if key not in asked)][:2]
    if easel.y and not easel.x and len(order) == 2:
        order.reverse()
    points = _points(easel, name)
    if points.is_empty() or len(order) < 2:
        return None
    x, y = ((easel.short[key], _log(easel, key)) for key in order)
    rest = [easel.short[key] for key in [*easel.factors, *easel.sampled] if key not in order]
    note = (
        f"{', '.join(rest)} {'vary' if len(rest) > 1 else 'varies'} from point to point"
        if rest
        else ""
    )
    frame = points.select("mean", x=order[0], y=order[1])
    said = (
        f"{frame.height} points of {words} by {x[0]} and {y[0]}."
        f" {sweep_charts.extremes(frame, (x[0], y[0]))}"
    )
    return (
        sweep_charts.scattered(frame, x, y, words),
        f"{_capital(words)}, by {x[0]} and {y[0]}",
        easel.which("", note),
        said,
    )


def _design(easel: Easel, name: str, words: str) -> Made | None:
    """Each parameter of the design by itself."""
    from evosim.figures import sweep_charts

    points = _points(easel, name) if easel.sampled else pl.DataFrame()
    if points.is_empty():
        return None
    rows = {
        row["parameter"]: row
        for row in easel.of("sampled", name).filter(pl.col("with").is_null()).iter_rows(named=True)
    }
    panels = []
    for key in easel.ranked_sampled(name):
        row = rows.get(key, {})
        above = (
            f"rank correlation {sweep_charts.number(row['correlation'])}"
            if row.get("correlation") is not None
            else ""
        )
        panels.append(
            (easel.short[key], _log(easel, key), above, points.select("mean", "low", "high", x=key))
        )
    note = "a point is a cell; the other parameters vary from point to point" + (
        f"; bars: {_spread(easel)}" if _spread(easel) and points["low"].drop_nulls().len() else ""
    )
    said = "; ".join(f"{title}: {above or 'no rank correlation'}" for title, _, above, _ in panels)
    return (
        sweep_charts.sampled_effects(panels, words),
        f"{_capital(words)}: what each parameter of the design does",
        easel.which("", note),
        f"{points.height} points of {words} against each parameter of the design. {said}.",
    )
