"""Compare runs with the first of them: parameters, accounts, and differences with intervals.

What the numbers are is said in `evosim.analysis.comparison`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evosim.analysis.comparison import compared as accounts_compared
from evosim.analysis.comparison import pairing_of, told_apart
from evosim.analysis.intervals import FEWEST, level
from evosim.analysis.ladder import RUNG_CODES
from evosim.analysis.recorded_run import Recorded
from evosim.analysis.summary import AccountSummary, RunSummary
from evosim.config.differences import MISSING, differences
from evosim.config.resolve import payoff_unit
from evosim.errors import UserError, in_one_line, unknown
from evosim.runs.accounts import analysed
from evosim.runs.source_hash import known_sources
from evosim.runtime.atomic_files import may_write, must_be_free
from evosim.runtime.forked_processes import Guarded
from evosim.runtime.text_layout import Screen, say
from evosim.runtime.text_layout import show as show_table
from evosim.tables.formatting import number, small, to_scale
from evosim.tables.ladder import RUNG_WORDS

LETTERS = {"ancestral": "A", "modern": "M"}
PARTS = {
    "rung": "Rungs of the ladder",
    "step": "Steps: what each stage loses",
    "regret": "Regret of the population by kind",
    "hack": "Greedy genes",
}
ABSENT = "(none)"
FACTS = {
    "digest": "all that decides results, with seeds",
    "setting": "all that decides results, but for seeds",
    "landscape": "worlds and genome, and so the worth of every class",
    "sources": "all code that it ran on, packages that it chose included",
    "evosim": "the version of evosim",
    "schema_version": "the layout of the folder",
    "stream_version": "the random numbers",
}


@dataclass(frozen=True, eq=False)
class Comparison(Guarded):
    """Runs held against the first of them.

    Attributes:
        recorded: the runs, the base first.
        names: short names of the runs that differ.
        parameters: one row a parameter that differs: `parameter`, and a column of values as JSON
        for each run. provenance: one row a fact (digest, sources, versions): `fact`, `what`,
        `same`, and a column for each run. differences: one row a run and quantity: `run`, `part`
        (rung, step, regret, hack), `world`, `name`, `base`, `other`, `difference`,
            `low`, `high`, `seeds_base`, `seeds_other`, `how` (exact, best found, paired, unpaired,
            alike, no interval, not measured).
        analyses: tables and summary of each run's account.
    """

    recorded: tuple[Recorded, ...]
    names: tuple[str, ...]
    parameters: pl.DataFrame
    provenance: pl.DataFrame
    differences: pl.DataFrame
    analyses: tuple[tuple[dict[str, pl.DataFrame], RunSummary], ...]

    @property
    def unit(self) -> str:
        """What payoff is counted in; `payoff` if worlds count it in different things."""
        units = {payoff_unit(run.experiment) for run in self.recorded}
        return units.pop() if len(units) == 1 else "payoff"

    @property
    def base(self) -> str:
        """The run that others are held against."""
        return self.names[0]

    def told_apart(self) -> pl.DataFrame:
        """The differences whose interval does not hold 0.

        One of twenty does so by chance where there is none.
        """
        return told_apart(self.differences)

    def notes(self) -> list[str]:
        """What a reader must know of these numbers, in sentences."""
        return _notes(self)

    def as_data(self) -> dict[str, Any]:
        """All of it as plain data, for JSON."""
        return {
            "base": self.base,
            "runs": {
                name: str(run.folder) for name, run in zip(self.names, self.recorded, strict=True)
            },
            "unit": self.unit,
            "parameters": self.parameters.to_dicts(),
            "provenance": self.provenance.to_dicts(),
            "differences": self.differences.to_dicts(),
            "notes": self.notes(),
        }

    def figures(self) -> dict[str, Any]:
        """Altair charts by name: `fitness`, `rungs`, `differences`.

        Raises `UserError` for more runs than can be told apart.
        """
        charts = _charts(self)
        from evosim.figures.user_charts import handed

        return {name: handed(chart) for name, chart in charts.items()}

    def figure(self, name: str) -> Any:
        """One of `figures`. Raises `UserError`."""
        found = self.figures()
        if name not in found:
            raise unknown("a figure", name, found)
        return found[name]

    def draw(
        self,
        folder: Path | None = None,
        formats: Sequence[str] = ("png", "svg", "pdf"),
        *,
        force: bool = True,
    ) -> list[Path]:
        """Draw the figures into a folder (`compare-BASE-OTHER` beside the base); gives their paths.

        Raises `UserError`, also where a figure is there already, if not `force`.
        """
        charts = _charts(self)
        from evosim.figures import draw_charts

        target = (
            folder
            or self.recorded[0].folder.parent
            / "-".join(["compare", *(run.folder.name for run in self.recorded)])[:200]
        )
        if target.exists() and not target.is_dir():
            raise UserError(
                f"--out must be a folder for figures, but {target} is a file. Give another."
            )
        place = target if target.is_dir() else target.resolve().parent
        if place.is_dir() and not may_write(place):
            raise UserError(
                f"figures must go into a folder that this user may write, but {place} is read-only."
                " Give --out compared."
            )
        for path in (
            [] if force else [target / f"{name}.{kind}" for name in charts for kind in formats]
        ):
            must_be_free(path, "a figure", "Give another --out, or --force to write over it.")
        return draw_charts(target, charts.items(), tuple(formats))

    def __repr__(self) -> str:
        return "\n".join(
            [
                f"evosim comparison: {' and '.join(self.names[1:])} against {self.base}",
                *(f"  {note}" for note in self.notes()),
            ]
        )

    def _repr_html_(self) -> str:
        console = Screen(record=True, width=110, file=io.StringIO(), force_jupyter=False)
        show(console, self)
        return console.export_html(inline_styles=True, code_format="<pre>{code}</pre>")


def compared(recorded: Sequence[Recorded]) -> Comparison:
    """Hold runs against the first of them, analysing those that were not. Raises `UserError`."""
    if len(recorded) < 2:
        raise UserError(
            f"a comparison must be of two runs or more, but is of {len(recorded)}. Give another"
            " folder."
        )
    names = _names([run.folder for run in recorded])
    analyses = tuple(analysed(run) for run in recorded)
    spread = recorded[0].experiment.analysis
    frames = []
    for name, run, (tables, _) in list(zip(names, recorded, analyses, strict=True))[1:]:
        pairing = pairing_of(recorded[0].experiment.seeds, run.experiment.seeds)
        frame = accounts_compared(
            analyses[0][0],
            tables,
            pairing=pairing,
            spread=spread,
            enumerated=enumerated(recorded[0]) and enumerated(run),
        )
        frames.append(
            frame.select(run=pl.lit(name), **{column: pl.col(column) for column in frame.columns})
        )
    return Comparison(
        tuple(recorded),
        names,
        _parameters(names, recorded),
        _provenance(names, recorded),
        pl.concat(frames),
        analyses,
    )


def enumerated(run: Recorded) -> bool:
    """Whether every genome of a run's grid was tried."""
    return bool(run.provenance["landscape"]["exact"])


def _names(folders: Sequence[Path]) -> tuple[str, ...]:
    """Short names that differ: of the folders, or their paths, or with numbers where one is given
    twice.
    """
    for words in (
        [in_one_line(folder.resolve().name) for folder in folders],
        [in_one_line(str(folder)) for folder in folders],
    ):
        if len(set(words)) == len(words):
            return tuple(words)
    return tuple(f"{i}: {in_one_line(str(folder))}" for i, folder in enumerate(folders, 1))


def _parameters(names: Sequence[str], recorded: Sequence[Recorded]) -> pl.DataFrame:
    found = differences([run.experiment for run in recorded])
    seeds = [
        (
            f"{run.experiment.seeds[0]}..{run.experiment.seeds[-1]}"
            if run.experiment.replicates > 1
            else str(run.experiment.seed)
        )
        for run in recorded
    ]
    rows = {
        key: [_value(key, value, run) for value, run in zip(values, recorded, strict=True)]
        for key, values in found.items()
    }
    if len(set(seeds)) > 1:
        rows = {"seeds": seeds, **rows}
    return pl.DataFrame(
        [
            {"parameter": key, **dict(zip(names, values, strict=True))}
            for key, values in rows.items()
        ],
        schema=dict.fromkeys(("parameter", *names), pl.String),
    )


def _value(key: str, value: Any, run: Recorded) -> str:
    """A parameter as JSON. What the modern world does not say is as in the ancestral one."""
    if value is not MISSING:
        return json.dumps(value)
    part, _, name = key.rpartition(".")
    ancestral = run.experiment.world.ancestral
    return (
        f"{json.dumps(ancestral[name])} (as in A)"
        if part == "world.modern" and name in ancestral
        else ABSENT
    )


def _provenance(names: Sequence[str], recorded: Sequence[Recorded]) -> pl.DataFrame:
    rows = []
    for fact, what in FACTS.items():
        values = [
            str(
                run.provenance.get(fact)
                if fact != "landscape"
                else run.provenance["landscape"]["digest"]
            )
            for run in recorded
        ]
        rows.append(
            {
                "fact": fact,
                "what": what,
                "same": len(set(values)) == 1,
                **dict(zip(names, values, strict=True)),
            }
        )
    return pl.DataFrame(rows)


def _notes(c: Comparison) -> list[str]:
    facts = {row["fact"]: row for row in c.provenance.iter_rows(named=True)}
    out = []
    other_code = _other_code(c)
    if facts["digest"]["same"]:
        out.append(
            "These are the same run: equal parameters and seeds (digest"
            f" {facts['digest'][c.base][:8]})."
            + (" Different code made them." if other_code else "")
        )
    elif facts["setting"]["same"]:
        out.append("Only the seeds differ: what is told apart is chance.")
    elif facts["landscape"]["same"] and all(map(enumerated, c.recorded)):
        out.append(
            "Worlds and genome are the same, so that rungs R0 to R3 are; populations may differ."
        )
    elif facts["landscape"]["same"]:
        out.append(
            "Worlds and genome are the same, and so is rung R0; populations may differ, and what"
            " was found."
        )
    if not all(map(enumerated, c.recorded)):
        out.append(
            "A grid was searched and not enumerated: its rungs R1 to R3 are the best found, and"
            " differences of them are not exact."
        )
    if other_code and not facts["digest"]["same"]:
        out.append(
            f"Different code made them ({', '.join(other_code)}): what differs may be of the code."
            " 'evosim run ... --force' repeats a run."
        )
    if len({payoff_unit(run.experiment) for run in c.recorded}) > 1:
        out.append(
            "Their worlds count payoff in different things, so that differences of payoff mean"
            " little."
        )
    for name in c.names[1:]:
        out += _of_intervals(c, name)
    return out


def _other_code(c: Comparison) -> list[str]:
    """The packages, evosim among them, that several runs use and whose code is known to differ, in
    words.

    Runs of one installation have the same code, though they may have chosen different packages.
    """
    known = [known_sources(run.provenance, run.experiment) for run in c.recorded]
    digests: dict[str, set[str]] = {"evosim": set()}
    for sources in known:
        for package, digest in sources.items():
            digests.setdefault(package, set()).add(digest)
    versions = list(
        dict.fromkeys(in_one_line(str(run.provenance.get("evosim"))) for run in c.recorded)
    )
    return [
        f"evosim {' and '.join(versions)}" if package == "evosim" else in_one_line(package)
        for package, found in digests.items()
        if len(found) > 1 or (package == "evosim" and len(versions) > 1)
    ]


def _of_intervals(c: Comparison, name: str) -> list[str]:
    mine = c.differences.filter(pl.col("run") == name)
    made = mine.drop_nulls("low")
    base, other = c.recorded[0].experiment, c.recorded[c.names.index(name)].experiment
    which = f"{name}: " if len(c.names) > 2 else ""
    common, pairing = len(set(base.seeds) & set(other.seeds)), pairing_of(base.seeds, other.seeds)
    if pairing == "overlapping":
        are = "seed is" if common == 1 else "seeds are"
        return [
            f"{which}no intervals: {common} {are} in both runs, so that these are not independent,"
            f" and pairing takes {FEWEST}. Run both with the same {FEWEST} seeds or more (--seed,"
            " --replicates)."
        ]
    least = min(mine["seeds_base"].drop_nulls().to_list(), default=common)
    if not mine.filter(pl.col("how").is_in(["paired", "unpaired", "alike"])).height:
        return [
            f"{which}no intervals: they take {FEWEST} seeds of each. Without them nothing here can"
            " be told from chance but what is exact."
        ]
    if pairing == "paired":
        left = (
            "" if common == max(len(base.seeds), len(other.seeds)) else "; the others are left out"
        )
        how = (
            f"paired over the {common} common seeds (the same random numbers){left}; means are of"
            " these"
            + (
                f", of some quantities of {least} in which they were measured"
                if least < common
                else ""
            )
        )
    else:
        how = "unpaired, for the runs have no seed in common"
    out = [
        f"{which}[ ]: {level(base.analysis.confidence)} confidence intervals of the difference,"
        f" {how}; without: it belongs to worlds and grid, or was measured in fewer than {FEWEST}"
        " seeds, or is alike in all (=), which does not make it exact."
    ]
    found, chance = told_apart(made).height, (1.0 - base.analysis.confidence) * made.height
    if made.height:
        out.append(
            f"{which}{found} of {made.height} intervals do not hold 0 (*); if nothing differed,"
            f" {chance:.1f} would by chance, mostly together, for they are not independent."
        )
    return out


def _charts(c: Comparison) -> dict[str, Any]:
    from evosim.figures import comparison as drawn
    from evosim.figures.theme import themed

    if len(c.names) > drawn.MOST:
        raise UserError(
            f"figures must be of at most {drawn.MOST} runs to be told apart, but are of"
            f" {len(c.names)}. Compare fewer."
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
        f"means over all seeds of a run; whiskers: {shares} bootstrap interval; none: of worlds and"
        f" grid, fewer than {FEWEST} seeds, or seeds that all agree"
    )
    made = c.differences.drop_nulls("low").height > 0
    apart = (
        f"bars: {level(c.recorded[0].experiment.analysis.confidence)} confidence interval; without:"
        " of worlds and grid, or the same in all seeds"
        if made
        else _without(c)
    )
    apart += "; what does not differ is left out"
    fitness = drawn.fitness(
        {name: run.tables["generations"] for name, run in runs.items()},
        {name: run.experiment.swap for name, run in runs.items()},
        c.unit,
    )
    charts = {
        "fitness": themed(
            fitness,
            "Fitness of newborns, run by run",
            [*about, bands],
            _alt("Mean fitness through time", c),
        ),
        "rungs": themed(
            drawn.rungs(means, c.unit),
            "The ladders, run by run",
            [*about, whiskers],
            _alt("Rungs of both ladders", c),
        ),
    }
    if c.differences.filter(
        pl.col("part").is_in(["step", "regret"]) & (pl.col("difference").abs() > 1e-12)
    ).height:
        charts["differences"] = themed(
            drawn.differences(c.differences, c.unit),
            "What differs",
            [*about, apart],
            _alt("Differences of steps and regrets", c),
        )
    return charts


def _without(c: Comparison) -> str:
    """Why no difference has an interval."""
    base = c.recorded[0].experiment.seeds
    if any(pairing_of(base, run.experiment.seeds) == "overlapping" for run in c.recorded[1:]):
        return f"no intervals: some seeds are in both runs, and fewer than {FEWEST}"
    return f"no intervals: they take {FEWEST} seeds of each"


def _alt(what: str, c: Comparison) -> str:
    """What a figure says, for those who do not see it."""
    with to_scale(*(summary.account for _, summary in c.analyses)):
        return _said(what, c)


def _said(what: str, c: Comparison) -> str:
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
    for world, found in account.ladder.items():
        for name, value in found.rungs.items():
            low, high = found.intervals.get(name, (None, None))
            rows.append({"world": world, "name": name, "mean": value, "low": low, "high": high})
    return pl.DataFrame(rows, schema_overrides={"low": pl.Float64, "high": pl.Float64})


# On a terminal


def show(console: Console, c: Comparison) -> None:
    """Print the whole comparison."""
    with to_scale(*(summary.account for _, summary in c.analyses)):
        _show(console, c)


def _show(console: Console, c: Comparison) -> None:
    console.print(
        Text.assemble("\n", ("base", "bold"), f"   {c.recorded[0].folder}"), soft_wrap=True
    )
    for run in c.recorded[1:]:
        console.print(Text.assemble(("other", "bold"), f"  {run.folder}"), soft_wrap=True)
    console.print()
    show_table(console, _parameter_table(c))
    for i, name in enumerate(c.names[1:]):
        if len(c.names) > 2:
            console.print(Text.assemble((name, "bold"), f" against {c.base}"), soft_wrap=True)
        mine = c.differences.filter(pl.col("run") == name)
        for part, title in PARTS.items():
            rows = mine.filter(pl.col("part") == part)
            if rows.height:
                show_table(console, _difference_table(rows, f"{title} ({c.unit} in a life)", i + 1))
    for note in c.notes():
        say(console, f"* {note}", hang=2, highlight=False)


def _parameter_table(c: Comparison) -> Table:
    table = Table(
        title="Parameters that differ" if c.parameters.height else "No parameter differs",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    if c.parameters.height:
        table.add_column("parameter")
        for i in range(len(c.names)):
            table.add_column("base" if i == 0 else "other" if len(c.names) == 2 else f"other {i}")
        for row in c.parameters.rows():
            table.add_row(*row)
    return table


def _difference_table(rows: pl.DataFrame, title: str, other: int) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("")
    for heading in ("in", "base", "other", "difference", "[  ]", ""):
        table.add_column(heading, justify="left" if heading in ("in", "") else "right")
    for row in rows.iter_rows(named=True):
        words = (
            f"{RUNG_CODES[row['name']]} {RUNG_WORDS[row['name']]}"
            if row["part"] == "rung"
            else row["name"].replace("_", " ")
        )
        ends = (
            f"[{number(row['low'])}, {number(row['high'])}]"
            if row["low"] is not None
            else "="
            if row["how"] == "alike"
            else ""
        )
        apart = row["low"] is not None and (row["low"] > 0.0 or row["high"] < 0.0)
        table.add_row(
            words,
            LETTERS[row["world"]],
            number(row["base"]),
            number(row["other"]),
            number(row["difference"]),
            ends,
            "*" if apart else "",
        )
    return table
