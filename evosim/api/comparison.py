"""Compare runs with the first of them: parameters, accounts, and differences with intervals.

`evosim.analysis.comparison` defines the numbers.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from evosim.analysis.comparison import compared as accounts_compared
from evosim.analysis.comparison import pairing_of
from evosim.analysis.recorded_run import Recorded
from evosim.analysis.summary import RunSummary
from evosim.api.accounts import Tree
from evosim.api.compared_runs import ComparedRuns
from evosim.api.comparison_charts import charts_of
from evosim.api.comparison_notes import enumerated, notes_on
from evosim.api.comparison_text import show
from evosim.config.differences import MISSING, differences
from evosim.errors import UserError, in_one_line, unknown
from evosim.runs.accounts import analysed
from evosim.runtime.atomic_files import may_write, must_be_free
from evosim.runtime.text_layout import Screen

if TYPE_CHECKING:
    import altair as alt

ABSENT = "(none)"
FACTS = {
    "digest": "all that decides results, with seeds",
    "setting": "all that decides results, but for seeds",
    "landscape": "worlds and genome, and so the fitness of every class",
    "sources": "all code that it ran on, packages that it chose included",
    "evosim": "the version of evosim",
    "schema_version": "the layout of the folder",
    "stream_version": "the random numbers",
}


class Comparison(ComparedRuns):
    """Comparison of runs with the first one: numbers, notes, figures."""

    def notes(self) -> list[str]:
        """Notes for readers of these numbers, in sentences."""
        return notes_on(self)

    def as_data(self) -> Tree:
        """All of it as plain data, for JSON."""
        return {
            "base": self.base,
            "runs": {
                name: str(run.folder) for name, run in zip(self.names, self.recorded, strict=True)
            },
            "unit": self.unit,
            "parameters": self.parameters.to_dicts(),
            "provenance": self.provenance.to_dicts(),
            "losses": self.losses().to_dicts(),
            "differences": self.differences.to_dicts(),
            "notes": self.notes(),
        }

    def figures(self) -> dict[str, alt.TopLevelMixin]:
        """Altair charts by name: `losses`, `fitness`, `rungs`, `differences`.

        Raises `UserError` for more runs than there are colours.
        """
        charts = charts_of(self)
        from evosim.figures.user_charts import handed

        return {name: handed(chart) for name, chart in charts.items()}

    def figure(self, name: str) -> Any:
        """One of `figures`. Raises `UserError`."""
        figures = self.figures()
        if name not in figures:
            raise unknown("a figure", name, figures)
        return figures[name]

    def draw(
        self,
        folder: Path | None = None,
        formats: Sequence[str] = ("png", "svg", "pdf"),
        *,
        force: bool = True,
    ) -> list[Path]:
        """Draw the figures into a folder, by default `compare-BASE-OTHER` next to the base.

        Returns their paths. Raises `UserError`, also for a figure that exists, unless `force`.
        """
        charts = charts_of(self)
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
    """Compare runs with the first one; analyse them if necessary. Raises `UserError`."""
    if len(recorded) < 2:
        raise UserError(
            f"a comparison must be of two runs or more, but is of {len(recorded)}. Give another"
            " folder."
        )
    names = _names([run.folder for run in recorded])
    analyses = tuple(analysed(run) for run in recorded)
    spread = recorded[0].experiment.analysis
    frames = []
    for name, run, (tables, summary) in list(zip(names, recorded, analyses, strict=True))[1:]:
        pairing = pairing_of(recorded[0].experiment.seeds, run.experiment.seeds)
        frame = accounts_compared(
            analyses[0][0],
            tables,
            pairing=pairing,
            settings=spread,
            enumerated=enumerated(recorded[0]) and enumerated(run),
            fixed=_fixed_losses(analyses[0][1], summary),
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


def _fixed_losses(
    base: RunSummary, other: RunSummary
) -> dict[tuple[str, str, str], tuple[float, float]]:
    """The losses that belong to worlds and grid in both runs: no seed is behind them."""
    out = {}
    for loss in base.account.losses.losses:
        theirs = other.account.losses.loss(loss.name, loss.world)
        if (loss.name, loss.world) == ("shift", "ancestral"):
            continue  # there is none
        if loss.mean is not None and theirs.mean is not None and not loss.n and not theirs.n:
            out["loss", loss.world, loss.name] = (loss.mean, theirs.mean)
    return out


def _names(folders: Sequence[Path]) -> tuple[str, ...]:
    """Short names that differ: folder names, else paths, else numbered paths."""
    for words in (
        [in_one_line(folder.resolve().name) for folder in folders],
        [in_one_line(str(folder)) for folder in folders],
    ):
        if len(set(words)) == len(words):
            return tuple(words)
    return tuple(f"{i}: {in_one_line(str(folder))}" for i, folder in enumerate(folders, 1))


def _parameters(names: Sequence[str], recorded: Sequence[Recorded]) -> pl.DataFrame:
    different = differences([run.experiment for run in recorded])
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
        for key, values in different.items()
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
    """A parameter as JSON. Parameters that the modern world omits are as in the ancestral one."""
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
