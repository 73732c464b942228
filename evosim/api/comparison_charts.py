"""Charts of a comparison of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from evosim.analysis.comparison import pairing_of
from evosim.analysis.intervals import FEWEST, level
from evosim.analysis.summary import AccountSummary
from evosim.errors import UserError
from evosim.tables.formatting import number, small, to_scale

if TYPE_CHECKING:
    import altair as alt

    from evosim.api.compared_runs import ComparedRuns

LETTERS = {"ancestral": "A", "modern": "M"}


def charts_of(c: ComparedRuns) -> dict[str, alt.TopLevelMixin]:
    """Charts by name: `losses`, `fitness`, `rungs` and, if anything differs, `differences`.

    Raises
    ------
    UserError
        There are more runs than colours.
    """
    from evosim.figures import comparison as figures
    from evosim.figures import losses as loss_figures
    from evosim.figures.theme import themed

    if len(c.names) > figures.MOST:
        raise UserError(
            f"a figure shows at most {figures.MOST} runs, but {len(c.names)} are compared."
            " Compare fewer."
        )
    runs = dict(zip(c.names, c.recorded, strict=True))
    means = {
        name: _rungs(summary.account)
        for name, (_, summary) in zip(c.names, c.analyses, strict=True)
    }
    about = [f"{' and '.join(c.names[1:])} against {c.base}"]
    bands = "bands hold 95% of seeds; vertical: the swap"
    shares = " or ".join(
        dict.fromkeys(f"{level(run.experiment.analysis.confidence)}" for run in c.recorded)
    )
    whiskers = (
        f"means over all seeds of a run; whiskers: {shares} bootstrap interval. None: of worlds and"
        f" grid, fewer than {FEWEST} seeds, or seeds that all agree"
    )
    has_intervals = c.differences.drop_nulls("low").height > 0
    apart = (
        f"bars: {level(c.recorded[0].experiment.analysis.confidence)} confidence interval; without:"
        " of worlds and grid, or the same in all seeds"
        if has_intervals
        else no_intervals_because(c)
    )
    apart += "; what does not differ is left out"
    fitness = figures.fitness(
        {name: run.tables["generations"] for name, run in runs.items()},
        {name: run.experiment.swap for name, run in runs.items()},
        c.unit,
    )
    losses = {
        name: summary.account.losses for name, (_, summary) in zip(c.names, c.analyses, strict=True)
    }
    missing = [
        f"{' and '.join(names)} in {run}"
        for run, of_run in losses.items()
        if (names := sorted({loss.name for loss in of_run.losses if loss.mean is None}))
    ]
    unmeasured = [f"not measured: {'; '.join(missing)}"] if missing else []
    said = "; ".join(f"{name}: {loss_figures.describe(of_run)}" for name, of_run in losses.items())
    charts = {
        "losses": themed(
            loss_figures.side_by_side(losses, c.unit),
            "The three losses, run by run",
            [*about, whiskers, *unmeasured],
            f"The three losses of {', '.join(c.names)}. {'. '.join([said, *unmeasured])}.",
        ),
        "fitness": themed(
            fitness,
            "Fitness of newborns, run by run",
            [*about, bands],
            _alt("Mean fitness through time", c),
        ),
        "rungs": themed(
            figures.rungs(means, c.unit),
            "The ladders, run by run",
            [*about, whiskers],
            _alt("Rungs of both ladders", c),
        ),
    }
    if c.differences.filter(
        pl.col("part").is_in(["step", "regret"]) & (pl.col("difference").abs() > 1e-12)
    ).height:
        charts["differences"] = themed(
            figures.differences(c.differences, c.unit),
            "What differs",
            [*about, apart],
            _alt("Differences of steps and regrets", c),
        )
    return charts


def no_intervals_because(c: ComparedRuns) -> str:
    """Why no difference has an interval."""
    base = c.recorded[0].experiment.seeds
    if any(pairing_of(base, run.experiment.seeds) == "overlapping" for run in c.recorded[1:]):
        return f"no intervals: some seeds are in both runs, and fewer than {FEWEST}"
    return f"no intervals: each run needs {FEWEST} seeds or more"


def _alt(what: str, c: ComparedRuns) -> str:
    """Alternative text of a figure."""
    with to_scale(*(summary.account for _, summary in c.analyses)):
        return _said(what, c)


def _said(what: str, c: ComparedRuns) -> str:
    largest = (
        c.differences.filter(pl.col("part") == "step")
        .drop_nulls("difference")
        .sort(pl.col("difference").abs(), descending=True)
        .head(1)
    )
    words = [
        f"{row['run']} loses {number(abs(row['difference']))}"
        f" {'more' if row['difference'] > 0.0 else 'less'} than {c.base} by {row['name']} in"
        f" {LETTERS[row['world']]}"
        for row in largest.filter(pl.col("difference").abs() >= small()).iter_rows(named=True)
    ]
    return (
        f"{what} of {', '.join(c.names)}. Largest difference of a step:"
        f" {'; '.join(words) or 'none'}."
    )


def _rungs(account: AccountSummary) -> pl.DataFrame:
    rows = []
    for world, ladder in account.ladder.items():
        for name, value in ladder.rungs.items():
            low, high = ladder.ends(name) or (None, None)
            rows.append({"world": world, "name": name, "mean": value, "low": low, "high": high})
    return pl.DataFrame(rows, schema_overrides={"low": pl.Float64, "high": pl.Float64})
