"""All three losses in both worlds: shift, waste and hack, with intervals and shares of the best.

Run: python scripts/analyze/three_losses.py RUN...
RUN is a folder that `evosim run` wrote. The default experiment has all three losses.

The table is that of `run.losses()`. In the modern world the three sum to the distance from the best
genome to the population. There is no shift in the ancestral world. Of losses that were not
measured, `why_not` states the reason; that differs from 0.
"""

from __future__ import annotations

import sys
from typing import Any

import altair as alt
import polars as pl
from accounts import main_of

import evosim
from evosim.figures.losses import bars_of, losses_chart
from evosim.figures.theme import themed


def rows(run: evosim.Run) -> pl.DataFrame:
    """The three losses in both worlds."""
    return run.losses()


def figure(table: pl.DataFrame, unit: str) -> Any:
    """Bars of the losses in both worlds, a panel for every run."""
    panels = [
        losses_chart(
            bars_of(of_run.iter_rows(named=True)),
            unit,
            dict(of_run.drop_nulls("nickname").select("loss", "nickname").iter_rows()),
        ).properties(title=name)
        for (name,), of_run in table.group_by("run", maintain_order=True)
    ]
    return themed(
        alt.vconcat(*panels),
        "The three losses",
        ["means over seeds; whiskers: intervals over seeds, from five seeds on"],
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the table and write it with its figure."""
    return main_of(str(__doc__), "three-losses", rows, figure, arguments)


if __name__ == "__main__":
    sys.exit(main())
