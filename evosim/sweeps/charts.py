"""Charts of a sweep. Each function takes `ChartInputs` and gives `ChartParts`, or None."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import polars as pl

from evosim.analysis.loss_summary import NICKNAMES, nicknames, with_nickname
from evosim.runtime.words import count_of
from evosim.sweeps.analysis_tables import EXTINCT, LOSSES, SHARES
from evosim.sweeps.chart_inputs import ChartInputs
from evosim.sweeps.effect_tables import no_effect_words, within
from evosim.sweeps.factors import DESIGN, label
from evosim.tables.ladder import RUNG_WORDS


class ChartParts(NamedTuple):
    """A chart, its title, the lines below the title, and its alternative text."""

    chart: Any
    title: str
    subtitle: list[str]
    description: str


def words_of(name: str, *, desires: bool = True) -> str:
    """A quantity in words; without `desires`, waste has no nickname."""
    parts = name.split(".")
    if parts[0] == "losses" and len(parts) == 3:
        return _loss_in_words(parts[1], parts[2], nicknames(desires=desires))
    if len(parts) != 4 or parts[0] not in ("ladder", "behaviour"):
        return {EXTINCT: "share of populations that died out"}.get(name, name.replace("_", " "))
    what, world = parts[3].replace("_", " "), parts[1][0].upper()
    return {
        "steps": f"loss by {what} in {world}",
        "rungs": f"fitness in {world} of the {RUNG_WORDS.get(parts[3], what).removeprefix('the ')}",
        "kinds": f"{what} regret in {world}",
        "acts": f"regret in {world} by {what}",
    }.get(parts[2], name)


def _loss_in_words(world: str, name: str, words_by_loss: Mapping[str, str]) -> str:
    """A loss, or its share of the best genome, in words."""
    loss = name.removesuffix("_share")
    loss_words = "loss" if loss not in NICKNAMES else words_by_loss.get(loss)
    words = f"{loss}{f' ({loss_words})' if loss_words else ''}, {world} world"
    return f"{words}, share of the best" if loss != name else words


def _axis(inputs: ChartInputs, factor: str) -> Any:
    from evosim.figures.sweep_charts import Axis

    known = inputs.factors[factor]
    return Axis(inputs.short[factor], known.labels, known.values)


def _interval_note(inputs: ChartInputs, before: str) -> str:
    """The text `before` and a description of the bars; empty without intervals."""
    words = inputs.interval_words()
    return before + words if words else ""


def phase(inputs: ChartInputs, name: str, words: str) -> ChartParts | None:
    """The phase diagram of two factors, or the line of one."""
    from evosim.figures import sweep_charts

    axes = [key for key in (inputs.x, inputs.y) if key]
    order = [*axes, *(key for key in inputs.ranked(name) if key not in axes)][:2]
    if inputs.y and not inputs.x and len(order) == 2:
        order.reverse()
    rest = [inputs.short[key] for key in inputs.factors if key not in order] + (
        [DESIGN] if inputs.sampled else []
    )
    frame = _means(inputs, name, order)
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
            part for part in (_interval_note(inputs, "bars and band: "), *notes) if part
        )
        shown = frame.filter(pl.col("mean").is_not_null())
        said = (
            f"A line of {words} against {inputs.short[order[0]]}."
            f" {sweep_charts.along(shown, inputs.short[order[0]])}"
        )
        return ChartParts(
            sweep_charts.across(shown, _axis(inputs, order[0]), words),
            f"{_capital(words)}, by {inputs.short[order[0]]}",
            inputs.subtitle(name, note, paired=bool(rest)),
            said,
        )
    mark = "[ ]: " if name in SHARES else "\u00b1 half the "
    note = "; ".join(part for part in (_interval_note(inputs, mark), *notes) if part)
    chart = sweep_charts.phase(
        frame, _axis(inputs, order[0]), _axis(inputs, order[1]), words, both_ends=name in SHARES
    )
    pair = (inputs.short[order[0]], inputs.short[order[1]])
    said = f"A map of {words} by {pair[0]} and {pair[1]}. {sweep_charts.extremes(frame, pair)}"
    return ChartParts(
        chart,
        f"{_capital(words)}, by {pair[0]} and {pair[1]}",
        inputs.subtitle(name, note, paired=bool(rest)),
        said,
    )


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def _means(inputs: ChartInputs, name: str, order: list[str]) -> pl.DataFrame | None:
    """Means over all but one or two factors: columns `x`, `y`, `mean`, `low`, `high`, `note`.

    With no other factor, each cell of its own runs, also where some were not measured. Otherwise of
    seeds measured in every cell.
    """
    if len(inputs.analysis.facts.factors) == len(order):
        return _cells(inputs, name, order)
    if len(order) == 1:
        rows = inputs.of("effects", name).filter(pl.col("factor") == order[0])
        return (
            rows.select(x="level", mean="mean", low="low", high="high", note=pl.lit(""))
            if rows.height
            else None
        )
    pairs = inputs.of("pairs", name)
    for one, other, x, y in (
        (*order, "level", "with_level"),
        (*reversed(order), "with_level", "level"),
    ):
        rows = pairs.filter((pl.col("factor") == one) & (pl.col("with") == other))
        if rows.height:
            return rows.select("mean", "low", "high", x=x, y=y, note=pl.lit(""))
    return None


def _cells(inputs: ChartInputs, name: str, order: list[str]) -> pl.DataFrame:
    rows = inputs.of("cells", name)
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
        labels[place] = pl.Series(place, _levels(inputs, rows, factor))
    return rows.select("mean", "low", "high", note=why).with_columns(*labels.values())


def _levels(inputs: ChartInputs, rows: pl.DataFrame, factor: str) -> list[str]:
    """The label of each row's level."""
    parameters = inputs.factors[factor].parameters
    kinds = inputs.analysis.facts.kinds
    return [
        ", ".join(label(value, kinds[key]) for key, value in zip(parameters, row, strict=True))
        for row in rows.select(parameters).rows()
    ]


def effects(inputs: ChartInputs, name: str, words: str) -> ChartParts | None:
    """Main effects of the factors."""
    from evosim.figures import sweep_charts

    shares = inputs.of("shares", name).filter(pl.col("order") == "first").drop_nulls("share")
    alone = {row["factor"]: row["share"] for row in shares.iter_rows(named=True)}
    panels = []
    for factor in inputs.ranked(name):
        rows = inputs.of("effects", name).filter(pl.col("factor") == factor)
        above = f"{within(alone[factor]):.0%} of the variance" if factor in alone else ""
        if rows.height:
            panels.append(
                (
                    _axis(inputs, factor),
                    above,
                    rows.select(x="level", mean="mean", low="low", high="high"),
                )
            )
    if len(panels) < 2:
        return None
    lines = inputs.subtitle(
        name, "means over all levels of the others" + _interval_note(inputs, "; bars and bands: ")
    )
    row = inputs.analysis.quantity(name)
    if row and (reason := no_effect_words(row, inputs.analysis.facts.confidence)):
        lines.append(reason)
    said = "; ".join(
        f"{axis.title}{f' ({above})' if above else ''}: {sweep_charts.along(frame, axis.title)}"
        for axis, above, frame in panels
    )
    return ChartParts(
        sweep_charts.main_effects(panels, words),
        f"{_capital(words)}: what each parameter does",
        lines,
        f"Panels of mean {words} against each parameter. {said}",
    )


def losses(inputs: ChartInputs, factor: str) -> ChartParts | None:
    """The three losses in both worlds across a factor."""
    from evosim.figures import sweep_charts

    parts = _across(inputs, factor, "losses.{world}.{name}", LOSSES)
    if not parts:
        return None
    words = nicknames(desires=inputs.analysis.has_desires)
    short, names = inputs.short[factor], {loss: with_nickname(loss, words) for loss in LOSSES}
    frame = pl.concat(parts).with_columns(pl.col("step").replace(names))
    return ChartParts(
        sweep_charts.losses(frame, _axis(inputs, factor), list(names.values())),
        f"The three losses, by {short}",
        inputs.subtitle("", _note_on_lines(inputs, factor, "losses")),
        f"Lines of the losses by {short}. {_said_of_lines(parts, short)}",
    )


def steps(inputs: ChartInputs, factor: str) -> ChartParts | None:
    """Steps of both ladders across a factor."""
    from evosim.figures import sweep_charts

    parts = _across(inputs, factor, "ladder.{world}.steps.{name}", sweep_charts.STEPS)
    if not parts:
        return None
    short = inputs.short[factor]
    return ChartParts(
        sweep_charts.steps(pl.concat(parts), _axis(inputs, factor)),
        f"Loss of each step of the ladder, by {short}",
        inputs.subtitle("", _note_on_lines(inputs, factor, "steps")),
        f"Lines of the loss of each step by {short}. {_said_of_lines(parts, short)}",
    )


def _across(
    inputs: ChartInputs, factor: str, quantity: str, names: Iterable[str]
) -> list[pl.DataFrame]:
    """Means of several quantities in both worlds across a factor; those that are 0 are left out."""
    parts = []
    for world in ("ancestral", "modern"):
        for name in names:
            means = _means(inputs, quantity.format(world=world, name=name), [factor])
            if (
                means is not None
                and means["mean"].drop_nulls().len()
                and (means["mean"].abs() > 1e-9).any()
            ):
                parts.append(
                    means.drop_nulls("mean").select(
                        "x", "mean", "low", "high", world=pl.lit(world), step=pl.lit(name)
                    )
                )
    return parts


def _note_on_lines(inputs: ChartInputs, factor: str, what: str) -> str:
    """Meaning of the bars and lines, and losses that are left out."""
    rest = [inputs.short[key] for key in inputs.factors if key != factor] + (
        [DESIGN] if inputs.sampled else []
    )
    return "; ".join(
        part
        for part in (
            _interval_note(inputs, "bars: "),
            f"means over {', '.join(rest)}" if rest else "",
            f"{what} that are 0 are not shown",
        )
        if part
    )


def _said_of_lines(parts: Iterable[pl.DataFrame], short: str) -> str:
    """The lines in words."""
    from evosim.figures import sweep_charts

    return " ".join(
        f"{part['step'][0]} in the {part['world'][0]} world: {sweep_charts.along(part, short)}"
        for part in parts
    )


def _points(inputs: ChartInputs, name: str) -> pl.DataFrame:
    """Points of the design with their means over the grid; intervals where there is no grid."""
    rows = inputs.of("cells", name)
    if len(inputs.analysis.facts.factors) == 1:
        return rows.select(*inputs.sampled, "mean", "low", "high").drop_nulls("mean")
    whole = rows.group_by(inputs.sampled, maintain_order=True).agg(
        pl.col("mean").mean(), pl.col("mean").null_count().alias("holes")
    )
    empty = pl.lit(None, dtype=pl.Float64)
    return whole.filter(pl.col("holes") == 0).select(*inputs.sampled, "mean", low=empty, high=empty)


def scatter(inputs: ChartInputs, name: str, words: str) -> ChartParts | None:
    """The phase diagram of a design: its points by two of its parameters."""
    from evosim.figures import sweep_charts

    axes = [key for key in (inputs.x, inputs.y) if key]
    order = [*axes, *(key for key in inputs.ranked_sampled(name) if key not in axes)][:2]
    if inputs.y and not inputs.x and len(order) == 2:
        order.reverse()
    points = _points(inputs, name)
    if points.is_empty() or len(order) < 2:
        return None
    x, y = ((inputs.short[key], inputs.is_log(key)) for key in order)
    rest = [inputs.short[key] for key in [*inputs.factors, *inputs.sampled] if key not in order]
    note = (
        f"{', '.join(rest)} {'vary' if len(rest) > 1 else 'varies'} from point to point"
        if rest
        else ""
    )
    frame = points.select("mean", x=order[0], y=order[1])
    said = (
        f"{count_of(frame.height, 'point')} of {words} by {x[0]} and {y[0]}."
        f" {sweep_charts.extremes(frame, (x[0], y[0]))}"
    )
    return ChartParts(
        sweep_charts.scattered(frame, x, y, words),
        f"{_capital(words)}, by {x[0]} and {y[0]}",
        inputs.subtitle("", note),
        said,
    )


def design(inputs: ChartInputs, name: str, words: str) -> ChartParts | None:
    """Each parameter of the design by itself."""
    from evosim.figures import sweep_charts

    points = _points(inputs, name) if inputs.sampled else pl.DataFrame()
    if points.is_empty():
        return None
    rows = {
        row["parameter"]: row
        for row in inputs.of("sampled", name).filter(pl.col("with").is_null()).iter_rows(named=True)
    }
    panels = []
    for key in inputs.ranked_sampled(name):
        row = rows.get(key, {})
        above = (
            f"rank correlation {sweep_charts.number(row['correlation'])}"
            if row.get("correlation") is not None
            else ""
        )
        panels.append(
            (
                inputs.short[key],
                inputs.is_log(key),
                above,
                points.select("mean", "low", "high", x=key),
            )
        )
    note = "a point is a cell; the other parameters vary from point to point" + (
        _interval_note(inputs, "; bars: ") if points["low"].drop_nulls().len() else ""
    )
    said = "; ".join(f"{title}: {above or 'no rank correlation'}" for title, _, above, _ in panels)
    return ChartParts(
        sweep_charts.sampled_effects(panels, words),
        f"{_capital(words)}: what each parameter of the design does",
        inputs.subtitle("", note),
        f"{count_of(points.height, 'point')} of {words} against each parameter of the design."
        f" {said}.",
    )
