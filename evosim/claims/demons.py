"""Claim 6: imperfect search feeds what holds it.

Gradient search of Tessellating Hills is compared with ablations and with other searches.

The speed of a run is that along x_0 over its last tenth. A run is *stuck* if this is below a
quarter of a step's length. The progress *kept* is the progress at the best point, divided by that
of the same search without hills. Both searches use the same random numbers.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.claims.claim import Charts, Claim, Part, Tables
from evosim.claims.experiments import with_settings
from evosim.claims.measurements import Measurement, exactly, mean_over_seeds, share_of_seeds
from evosim.config.landscape_search import build_landscape
from evosim.config.schema import Experiment
from evosim.figures.quantile_bands import banded
from evosim.figures.theme import ANCESTRAL, HEIGHT, LOCUS_COLOURS, MODERN, WIDTH, themed
from evosim.optimizers.real_vectors import search

Floats = NDArray[np.float64]
LINES = alt.Legend(symbolType="stroke", symbolOpacity=1.0, symbolSize=300)
ROWS = 500  # of a path, in addition to its start
SIDES = (1, 2, 4, 8, 32)  # and 16, which is the experiment itself
FLAT = "world.ancestral.epsilon=0.0"
ABLATIONS: dict[str, tuple[str, ...]] = {
    "hills": (),
    "without hills": (FLAT,),
    "without noise": ("optimizer.noise=0.0",),
    "thrice the noise": ("optimizer.noise=3.0",),
    "gradient's length kept": ("optimizer.normalised=false",),
}
TEN_TIMES = "hill-climb, ten times as long"
OTHERS: dict[str, tuple[str, ...]] = {
    "gradient with restarts": ("optimizer.restarts=4",),
    "hill-climb": ('optimizer={name="hill-climb"}',),
    TEN_TIMES: ('optimizer={name="hill-climb"}',),
    "CMA-ES": ('optimizer={name="cma-es"}',),
    "genetic algorithm": ('optimizer={name="deap"}',),
    "genetic algorithm, steps of 20": ('optimizer={name="deap"}', "optimizer.step=20.0"),
}
# Seconds of 60 runs
COSTS = {
    TEN_TIMES: 12.0,
    "hill-climb": 1.5,
    "CMA-ES": 12.0,
    "genetic algorithm": 12.0,
    "genetic algorithm, steps of 20": 12.0,
}


def arms_of(experiment: Experiment) -> dict[str, Experiment]:
    """The compared experiments by name; ` (flat)` marks searches without hills."""
    settings = {name: list(changed) for name, changed in ABLATIONS.items()}
    settings |= {f"{n} sides": [f"world.ancestral.sides={n}"] for n in SIDES}
    for name, changed in OTHERS.items():
        longer = (
            [f"phases.0.generations={10 * experiment.generations}"] if name == TEN_TIMES else []
        )
        settings[name] = [*changed, *longer]
        settings[f"{name} (flat)"] = [*settings[name], FLAT]
    return {name: with_settings(experiment, *each) for name, each in settings.items()}


def paths(arm: str, experiment: Experiment) -> pl.DataFrame:
    """The paths of all seeds of one arm, as `evosim.optimizers.real_vectors` records them.

    `done` is the share of evaluations made.
    """
    total = experiment.generations
    tables = []
    for seed in experiment.seeds:
        hills, params = build_landscape(experiment, seed)
        tables.append(search(hills, params, total, seed, max(1, total // ROWS)))
    done = pl.col("evaluation") / total
    return pl.concat(tables).with_columns(arm=pl.lit(arm), done=done)


def parts(experiment: Experiment) -> list[Part]:
    """A part for each arm."""
    share = experiment.replicates / 60
    return [
        Part(
            _file(name),
            paths,
            (name, arm),
            1.0 + share * COSTS.get(name.removesuffix(" (flat)"), 1.2),
        )
        for name, arm in arms_of(experiment).items()
    ]


def _file(arm: str) -> str:
    return "".join(c for c in arm.replace(" ", "-") if c.isalnum() or c == "-").lower()


def matrix(table: pl.DataFrame, column: str) -> Floats:
    """A column of the paths of an arm as `[seeds, rows]`."""
    return table[column].to_numpy().reshape(table["seed"].n_unique(), -1)


def tail_speed(table: pl.DataFrame) -> Floats:
    """`[seeds]` speed along x_0 over the last tenth, per step."""
    x, steps = matrix(table, "x_0"), matrix(table, "evaluation")
    tenth = (x.shape[1] - 1) // 10
    return np.asarray((x[:, -1] - x[:, -1 - tenth]) / (steps[:, -1] - steps[:, -1 - tenth]))


def stuck(table: pl.DataFrame, rate: float) -> NDArray[np.bool_]:
    """`[seeds]` whether a run has almost no speed left at the end."""
    return np.asarray(tail_speed(table) < rate / 4.0)


def speed(table: pl.DataFrame, begin: float, end: float) -> Floats:
    """`[seeds]` speed along x_0 between two shares of the evaluations, per step."""
    x, steps = matrix(table, "x_0"), matrix(table, "evaluation")
    a, b = (round(at * (x.shape[1] - 1)) for at in (begin, end))
    return np.asarray((x[:, b] - x[:, a]) / (steps[:, b] - steps[:, a]))


def half_speed_steps(table: pl.DataFrame, rate: float) -> Floats:
    """`[seeds]` first step that ends a fiftieth of the run below half the rate.

    It is infinite if there is none.
    """
    x, steps = matrix(table, "x_0"), matrix(table, "evaluation")
    window = max(1, (x.shape[1] - 1) // 50)
    slow = (x[:, window:] - x[:, :-window]) < rate / 2.0 * (steps[:, window:] - steps[:, :-window])
    return np.where(
        slow.any(axis=1), steps[0, window:][slow.argmax(axis=1)].astype(np.float64), np.inf
    )


def median_of(values: Floats, unit: str) -> Measurement:
    """The median over seeds, with a 95% interval between two of the numbers.

    The interval is binomial and holds for any distribution.
    """
    from scipy.stats import binom

    x, n = np.sort(values), len(values)
    if n < 6:
        return Measurement(float(np.median(x)), unit=unit, seeds=n)
    below = max(int(binom.ppf(0.025, n, 0.5)) - 1, 0)
    return Measurement(float(np.median(x)), float(x[below]), float(x[n - 1 - below]), unit, n)


def measure(tables: Tables, experiment: Experiment) -> dict[str, Measurement]:
    """Progress, shares of stuck runs, speeds, the signature of demons, and progress kept."""
    of = {name: tables[_file(name)] for name in arms_of(experiment)}
    rate = float(experiment.optimizer["rate"])
    held = {
        name: stuck(table, rate)
        for name, table in of.items()
        if name in ABLATIONS or name.endswith("sides")
    }
    held["16 sides"] = held["hills"]
    main = of["hills"]
    along = "of x_0"
    out = {"progress": mean_over_seeds(matrix(main, "x_0")[:, -1], along)}
    for name, said in (
        ("without hills", "progress without hills"),
        ("without noise", "progress without noise"),
        ("thrice the noise", "progress at thrice the noise"),
        ("gradient's length kept", "progress, gradient's length kept"),
    ):
        out[said] = mean_over_seeds(matrix(of[name], "x_0")[:, -1], along)
    for name, said in (
        ("hills", ""),
        ("without hills", " without hills"),
        ("without noise", " without noise"),
        ("thrice the noise", " at thrice the noise"),
        ("gradient's length kept", ", gradient's length kept"),
    ):
        out[f"share stuck{said}"] = share_of_seeds(int(held[name].sum()), len(held[name]))
    for n in sorted((*SIDES, 16)):
        by_sides = held[f"{n} sides"]
        out[f"share stuck, {n} side{'s' if n > 1 else ''}"] = share_of_seeds(
            int(by_sides.sum()), len(by_sides)
        )
    for a, b in ((1, 4), (4, 16)):
        difference = held[f"{b} sides"].astype(float) - held[f"{a} sides"]
        out[f"rise of share stuck from {a} side{'s' if a > 1 else ''} to {b}"] = mean_over_seeds(
            difference, within=(-1.0, 1.0)
        )
    total = experiment.generations
    for begin, end in ((0.0, 0.5), (0.5, 0.8), (0.8, 1.0)):
        out[f"speed in steps {round(begin * total)}-{round(end * total)}"] = mean_over_seeds(
            speed(main, begin, end), "of x_0 a step"
        )
    out["speed over the last tenth"] = mean_over_seeds(tail_speed(main), "of x_0 a step")
    out["first step at half speed, median"] = median_of(half_speed_steps(main, rate), "steps")
    share, tenth = matrix(main, "share"), (matrix(main, "share").shape[1] - 1) // 10
    out["share of the step aside, first tenth"] = mean_over_seeds(
        share[:, 1 : 1 + tenth].mean(axis=1)
    )
    out["share of the step aside, last tenth"] = mean_over_seeds(share[:, -tenth:].mean(axis=1))
    out["share of the step aside, at the end less at the start"] = mean_over_seeds(
        share[:, -tenth:].mean(axis=1) - share[:, 1 : 1 + tenth].mean(axis=1)
    )
    out["distance aside at the end"] = mean_over_seeds(matrix(main, "aside")[:, -1])
    return out | _others(of, experiment)


def _others(of: dict[str, pl.DataFrame], experiment: Experiment) -> dict[str, Measurement]:
    """Progress that each search keeps, and the losses that it finds."""
    out = {}
    for name, table, flat in _searches(of):
        x, control, loss = (
            matrix(t, c)[:, -1]
            for t, c in ((table, "best_x_0"), (flat, "best_x_0"), (table, "best"))
        )
        out[f"kept of progress, {name}"] = mean_over_seeds(x / control)
        out[f"progress at the best point, {name}"] = mean_over_seeds(x, "of x_0")
        out[f"progress at the best point without hills, {name}"] = mean_over_seeds(
            control, "of x_0"
        )
        out[f"lowest loss, {name}"] = mean_over_seeds(loss)
        out[f"of the lowest loss not by progress, {name}"] = mean_over_seeds(1.0 + x / loss)
    best, steps = matrix(of["CMA-ES"], "best_x_0"), matrix(of["CMA-ES"], "evaluation")
    far = best >= experiment.generations * float(experiment.optimizer["rate"])
    if far.any(axis=1).all():
        out["evaluations in which CMA-ES goes a gradient's whole way"] = mean_over_seeds(
            steps[0][far.argmax(axis=1)].astype(np.float64)
        )
    gained = (
        matrix(of["gradient with restarts"], "best_x_0")[:, -1]
        - matrix(of["hills"], "best_x_0")[:, -1]
    )
    out["progress gained by restarts"] = mean_over_seeds(gained, "of x_0")
    d = 1 + int(experiment.world.ancestral["sides"])
    steps = matrix(of["hills"], "evaluation")[0]
    reached = int(np.searchsorted(steps, experiment.generations / (1 + d), side="right")) - 1
    out["evaluations of a gradient by differences"] = exactly(1 + d)
    out["progress of as many evaluations by differences"] = mean_over_seeds(
        matrix(of["hills"], "x_0")[:, reached], "of x_0"
    )
    return out


def _searches(of: dict[str, pl.DataFrame]) -> list[tuple[str, pl.DataFrame, pl.DataFrame]]:
    """Each search by name, with hills and without."""
    return [
        ("gradient", of["hills"], of["without hills"]),
        *((name, of[name], of[f"{name} (flat)"]) for name in OTHERS),
    ]


def figures(tables: Tables, experiment: Experiment) -> Charts:
    """The charts of the claim."""
    of = {name: tables[_file(name)] for name in arms_of(experiment)}
    measured = measure(tables, experiment)
    return {
        "progress": _progress(of, experiment),
        "stuck-by-sides": _by_sides(measured, experiment),
        "demon": _demon(of["hills"]),
        "searches": _by_search(of, experiment),
        "kept": _progress_kept(measured, experiment),
    }


def _progress(of: dict[str, pl.DataFrame], experiment: Experiment) -> Any:
    names = list(ABLATIONS)
    frame = banded(
        pl.concat([of[name] for name in names]).filter(pl.col("evaluation") % 50 == 0),
        "x_0",
        "arm",
        "evaluation",
    )
    colour = alt.Color(
        "arm:N",
        title=None,
        sort=names,
        legend=LINES,
        scale=alt.Scale(domain=names, range=LOCUS_COLOURS[: len(names)]),
    )
    x = alt.X("evaluation:Q", title="steps")
    band = (
        alt.Chart(frame)
        .mark_area(opacity=0.13)
        .encode(x=x, y=alt.Y("low:Q", title="progress x_0"), y2="high:Q", color=colour)
    )
    line = alt.Chart(frame).mark_line(strokeWidth=2).encode(x=x, y="mean:Q", color=colour)
    subtitle = [
        "Progress along the slope, by gradient: mean and middle 95% of runs",
        f"{experiment.replicates} landscapes, 16 side directions",
    ]
    return themed(
        (band + line).properties(width=1.6 * WIDTH, height=1.3 * HEIGHT),
        "Hills far lower than the slope stop the search",
        subtitle,
    )


def _by_sides(measured: dict[str, Measurement], experiment: Experiment) -> Any:
    rows = []
    for n in sorted((*SIDES, 16)):
        m = measured[f"share stuck, {n} side{'s' if n > 1 else ''}"]
        rows.append({"sides": n, "value": m.value, "low": m.low, "high": m.high})
    base = alt.Chart(pl.DataFrame(rows)).encode(
        x=alt.X(
            "sides:Q",
            title="side directions",
            scale=alt.Scale(type="log", base=2),
            axis=alt.Axis(values=[1, 2, 4, 8, 16, 32]),
        )
    )
    y = alt.Y("value:Q", title="share of runs that are stuck", scale=alt.Scale(domain=[0, 1]))
    chart = base.mark_rule(color=ANCESTRAL).encode(
        y=alt.Y("low:Q", title="share of runs that are stuck"), y2="high:Q"
    ) + base.mark_line(
        color=ANCESTRAL, point=alt.OverlayMarkDef(size=60, filled=True, color=ANCESTRAL)
    ).encode(y=y)
    subtitle = [
        f"Gradient, {experiment.replicates} landscapes each; bars: exact 95% intervals",
        "Stuck: less than a quarter of a step's length over the last tenth",
    ]
    return themed(
        chart.properties(width=1.2 * WIDTH, height=1.1 * HEIGHT),
        "The more directions, the more surely a demon is found",
        subtitle,
    )


def _demon(main: pl.DataFrame) -> Any:
    few = main.filter((pl.col("evaluation") % 50 == 0) & (pl.col("evaluation") > 0))
    charts = []
    for column, title in (
        ("share", "share of the step aside"),
        ("aside", "distance from the x_0 axis"),
    ):
        frame = banded(few, column, "evaluation")
        x = alt.X("evaluation:Q", title="steps")
        scale = alt.Scale(domain=[0, 1]) if column == "share" else alt.Scale()
        band = (
            alt.Chart(frame)
            .mark_area(opacity=0.18, color=MODERN)
            .encode(x=x, y=alt.Y("low:Q", title=title, scale=scale), y2="high:Q")
        )
        line = alt.Chart(frame).mark_line(strokeWidth=2, color=MODERN).encode(x=x, y="mean:Q")
        charts.append((band + line).properties(width=WIDTH, height=HEIGHT))
    subtitle = [
        "Left: side directions' share in the square of the gradient; right: how far it has strayed",
        "Mean and middle 95% of runs",
    ]
    return themed(alt.hconcat(*charts), "The demon: the gradient comes to point aside", subtitle)


def _by_search(of: dict[str, pl.DataFrame], experiment: Experiment) -> Any:
    where = ["with hills", "without hills"]
    colour = alt.Color(
        "where:N",
        title=None,
        legend=LINES,
        scale=alt.Scale(domain=where, range=[MODERN, ANCESTRAL]),
    )
    dash = alt.StrokeDash(
        "where:N", title=None, legend=None, scale=alt.Scale(domain=where, range=[[1, 0], [4, 4]])
    )
    charts = []
    for name, table, flat in _searches(of):
        both = pl.concat(
            [
                table.with_columns(where=pl.lit("with hills")),
                flat.with_columns(where=pl.lit("without hills")),
            ]
        )
        step = experiment.generations // 100 * (10 if name == TEN_TIMES else 1)
        frame = banded(
            both.filter(pl.col("evaluation") % step == 0), "best_x_0", "where", "evaluation"
        )
        x = alt.X("evaluation:Q", title="evaluations", axis=alt.Axis(tickCount=5))
        band = (
            alt.Chart(frame)
            .mark_area(opacity=0.18)
            .encode(x=x, y=alt.Y("low:Q", title="x_0 at the best point"), y2="high:Q", color=colour)
        )
        line = (
            alt.Chart(frame)
            .mark_line(strokeWidth=2)
            .encode(x=x, y="mean:Q", color=colour, strokeDash=dash)
        )
        charts.append(
            (band + line).properties(width=0.75 * WIDTH, height=0.75 * HEIGHT, title=name)
        )
    subtitle = [
        (
            "Mean and middle 95% of runs; each search begins at the origin, with steps of length"
            " 0.2 unless said"
        ),
        "Scales differ: searches of one step's length get nowhere near those that lengthen it",
    ]
    return themed(alt.concat(*charts, columns=4), "The same hills under other searches", subtitle)


def _progress_kept(measured: dict[str, Measurement], experiment: Experiment) -> Any:
    names = ["gradient", *OTHERS]
    rows = []
    for name in names:
        m = measured[f"kept of progress, {name}"]
        rows.append(
            {
                "search": name,
                "value": m.value,
                "low": m.value if m.low is None else m.low,
                "high": m.value if m.high is None else m.high,
            }
        )
    base = alt.Chart(pl.DataFrame(rows)).encode(
        y=alt.Y("search:N", sort=names, title=None, axis=alt.Axis(labelLimit=260))
    )
    title = "share of the progress without hills that is kept"
    chart = base.mark_rule(color=ANCESTRAL, strokeWidth=2).encode(
        x=alt.X("low:Q", title=title, scale=alt.Scale(zero=True)), x2="high:Q"
    )
    chart += base.mark_point(color=ANCESTRAL, filled=True, size=70).encode(
        x=alt.X("value:Q", title=title)
    )
    chart += (
        alt.Chart(pl.DataFrame({"one": [1.0]}))
        .mark_rule(color="#777777", strokeDash=[4, 3])
        .encode(x="one:Q")
    )
    subtitle = [
        f"Mean of {experiment.replicates} landscapes with 95% interval; dashed: nothing lost"
    ]
    return themed(
        chart.properties(width=1.2 * WIDTH, height=0.8 * HEIGHT),
        "Progress that each search retains",
        subtitle,
    )


def stored_tables(tables: Tables, experiment: Experiment) -> dict[str, pl.DataFrame]:
    """The last point of each run. The paths themselves can be computed in seconds."""
    ends = [table.group_by("arm", "seed").last().sort("seed") for table in tables.values()]
    return {"ends": pl.concat(ends)}


CLAIM = Claim(parts, measure, figures, stored_tables)
