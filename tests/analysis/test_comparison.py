"""Differences between accounts: intervals, pairing, and what was not measured."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evosim.analysis.comparison import Pairing, compared, detected_differences, pairing_of
from evosim.analysis.intervals import difference, interval, intervals
from evosim.analysis.summary import LadderSummary
from evosim.config.schema import AnalysisChoice
from evosim.sweeps.effect_tables import format_interval
from evosim.tables.sentences import alike

SPREAD = AnalysisChoice()


def test_the_unpaired_interval_is_as_wide_as_welchs() -> None:
    from scipy import stats

    rng = np.random.default_rng(5)
    for n, m, scale in ((30, 30, 1.0), (40, 12, 3.0), (10, 25, 0.5)):
        x, y = rng.normal(size=n), 0.7 + scale * rng.normal(size=m)
        low, high = difference(x, y, 20_000, 0.95) or (0.0, 0.0)
        welch = stats.ttest_ind(y, x, equal_var=False).confidence_interval(0.95)
        assert low == pytest.approx(welch.low, abs=0.12 * (welch.high - welch.low))
        assert high == pytest.approx(welch.high, abs=0.12 * (welch.high - welch.low))
        assert low < y.mean() - x.mean() < high


def test_intervals_hold_a_planted_null_as_often_as_they_say() -> None:
    """Six and ten seeds, normal and skewed numbers, paired and not: 91% to 97% of nominal 95%."""
    rng = np.random.default_rng(11)
    for draw in (rng.normal, rng.exponential):
        held = [0, 0]
        tries = 400
        for _ in range(tries):
            x, y, common = draw(size=10), draw(size=6), draw(size=10)
            low, high = difference(x, y, 500, 0.95) or (0.0, 0.0)
            held[0] += low <= 0.0 <= high
            ends = intervals((common + draw(size=10)) - (common + draw(size=10)), 500, 0.95)
            held[1] += bool(ends[0] <= 0.0 <= ends[1])
        assert all(0.90 * tries <= count <= 0.985 * tries for count in held), held


@pytest.mark.parametrize("power", [-1000, -300, 300, 900])
def test_unpaired_intervals_do_not_depend_on_the_unit(power: int) -> None:
    rng = np.random.default_rng(12)
    x, y, unit = rng.normal(size=6), rng.normal(size=8), 2.0**power
    ends = difference(x, y, 500, 0.95) or (0.0, 0.0)
    assert difference(x * unit, y * unit, 500, 0.95) == (ends[0] * unit, ends[1] * unit)


def test_numbers_that_are_none_give_no_unpaired_interval() -> None:
    for wrong in (np.nan, np.inf):
        assert difference([1.0, 2.0, 3.0, 4.0, wrong], np.arange(5.0), 500, 0.95) is None


def test_two_samples_are_resampled_apart() -> None:
    """The same resamples of both would take their spread out of the difference of equal samples."""
    x = np.arange(10.0)
    low, high = difference(x, x, 2000, 0.95) or (0.0, 0.0)
    assert high - low > 3.0


def tables(
    search: list[float], seeds: list[int], *, design: float = 1.0, missing: int | None = None
) -> dict[str, pl.DataFrame]:
    rows = []
    for seed, value in zip(seeds, search, strict=True):
        for world in ("ancestral", "modern"):
            rows += [
                (seed, world, "rung", "best_ancestral", design),
                (seed, world, "step", "search", None if seed == missing else value),
            ]
    ladder = pl.DataFrame(
        rows,
        schema={
            "seed": pl.Int64,
            "world": pl.String,
            "part": pl.String,
            "name": pl.String,
            "value": pl.Float64,
        },
        orient="row",
    )
    ledger = [
        ("population", seed, world, "upkeep", 0.5)
        for seed in seeds
        for world in ("ancestral", "modern")
    ]
    ledger += [
        ("population", seed, "modern", "novel", value)
        for seed, value in zip(seeds, search, strict=True)
        if value
    ]
    behaviour = pl.DataFrame(
        ledger, schema=["subject", "seed", "world", "kind", "value"], orient="row"
    )
    hack = pl.DataFrame(
        schema={"seed": pl.Int64, "world": pl.String, "quantity": pl.String, "value": pl.Float64}
    )
    return {"ladder": ladder, "behaviour": behaviour, "hack": hack}


def row_of(frame: pl.DataFrame, name: str, world: str = "modern") -> dict[str, object]:
    return frame.filter((pl.col("name") == name) & (pl.col("world") == world)).row(0, named=True)


def test_pairing_takes_out_what_seeds_have_in_common() -> None:
    rng = np.random.default_rng(2)
    seeds, level = list(range(8)), 10.0 * rng.normal(size=8)
    base, other = (
        tables(level.tolist(), seeds),
        tables((level + 0.3 + 0.01 * rng.normal(size=8)).tolist(), seeds),
    )
    ways: tuple[Pairing, ...] = ("paired", "unpaired")
    paired, unpaired = (
        row_of(compared(base, other, pairing=how, settings=SPREAD), "search") for how in ways
    )
    assert paired["difference"] == pytest.approx(unpaired["difference"])
    assert 0.28 < paired["low"] < 0.3 < paired["high"] < 0.32  # type: ignore[operator]
    assert unpaired["low"] < -5.0 < 5.0 < unpaired["high"]  # type: ignore[operator]


def test_means_are_of_the_seeds_that_are_compared() -> None:
    base = tables([1.0, 2.0, 3.0, 4.0, 5.0, 60.0], list(range(6)))
    other = tables([2.0, 3.0, 4.0, 5.0, 7.0, 9.0], list(range(6)), design=1.5, missing=5)
    found = compared(base, other, pairing="paired", settings=SPREAD)
    row = row_of(found, "search")
    assert (row["base"], row["other"], row["seeds_base"], row["how"]) == (3.0, 4.2, 5, "paired")
    design = row_of(found, "best_ancestral")
    assert (design["difference"], design["low"], design["how"]) == (0.5, None, "exact")
    novel = row_of(found, "novel")
    assert novel["seeds_base"] == 6  # a kind that is not in a ledger is 0 there
    assert (
        row_of(
            compared(base, tables([0.0] * 6, list(range(6))), pairing="paired", settings=SPREAD),
            "novel",
        )["other"]
        == 0.0
    )
    same = row_of(
        compared(
            base,
            tables([2.0, 3.0, 4.0, 5.0, 6.0, 61.0], list(range(6))),
            pairing="paired",
            settings=SPREAD,
        ),
        "search",
    )
    # It was an interval without width
    assert (same["difference"], same["low"], same["how"]) == (1.0, None, "alike")
    few = compared(
        tables([1.0] * 3, [0, 1, 2]),
        tables([2.0] * 3, [0, 1, 2]),
        pairing="paired",
        settings=SPREAD,
    )
    assert row_of(few, "search")["how"] == "no interval"


def test_runs_are_paired_where_enough_seeds_are_common() -> None:
    assert pairing_of(range(6), range(6)) == "paired"
    assert pairing_of(range(20), range(5)) == "paired"
    assert pairing_of(range(20), range(1, 21)) == "paired"  # they were taken for independent
    assert pairing_of(range(20), range(15, 35)) == "paired"
    assert pairing_of(range(20), range(16, 36)) == "overlapping"
    assert pairing_of(range(3), range(2, 5)) == "overlapping"
    assert pairing_of(range(6), range(100, 106)) == "unpaired"


@pytest.mark.slow
@pytest.mark.parametrize("shared", [-0.95, 0.0, 0.95])
@pytest.mark.parametrize("shift", [1, 15])
def test_intervals_hold_a_null_whatever_the_common_seeds_share(shared: float, shift: int) -> None:
    """20 seeds against 20, of which 19 or 5 are common.

    Coverage is 91% to 98.5% of nominal 95%, and as narrow as the pairs allow.

    Taken for independent, 19 common seeds gave 100% at .95, with 4.4 times the width of the pairs.
    They gave 86% at -.95.
    """
    rng, base, other = (
        np.random.default_rng([20, shift]),
        list(range(20)),
        list(range(shift, shift + 20)),
    )
    held, widths, pairs, tries = 0, [], [], 300
    for _ in range(tries):
        first, own = rng.normal(size=(2, 40))
        second = shared * first + (1.0 - shared**2) ** 0.5 * own
        frames = tables(first[base].tolist(), base), tables(second[other].tolist(), other)
        row = row_of(
            compared(
                *frames, pairing=pairing_of(base, other), settings=AnalysisChoice(bootstrap=500)
            ),
            "search",
        )
        low, high = row["low"], row["high"]
        held += low <= 0.0 <= high  # type: ignore[operator]
        widths.append(high - low)  # type: ignore[operator]
        common = sorted({*base} & {*other})
        ends = interval(second[common] - first[common], 500, 0.95) or (0.0, 0.0)
        pairs.append(ends[1] - ends[0])
    assert 0.91 * tries <= held <= 0.985 * tries, held
    assert widths == pytest.approx(pairs)


def test_too_few_common_seeds_give_no_interval() -> None:
    rng = np.random.default_rng(6)
    base, other = (
        tables(rng.normal(size=20).tolist(), list(range(first, first + 20))) for first in (0, 16)
    )
    row = row_of(
        compared(base, other, pairing=pairing_of(range(20), range(16, 36)), settings=SPREAD),
        "search",
    )
    assert (row["how"], row["low"], row["seeds_base"], row["seeds_other"]) == (
        "no interval",
        None,
        20,
        20,
    )
    assert row["difference"] == pytest.approx(row["other"] - row["base"])  # type: ignore[operator]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("pairing", ["paired", "unpaired", "overlapping"])
def test_a_number_that_is_none_was_not_measured(wrong: float, pairing: Pairing) -> None:
    """It was said to be alike in all seeds, because NaN has no spread."""
    sound = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    base, other = (
        tables(sound, list(range(6))),
        tables([*sound[:5], wrong], list(range(6)), design=wrong),
    )
    found = compared(base, other, pairing=pairing, settings=SPREAD)
    for name in ("search", "best_ancestral"):
        row = row_of(found, name)
        assert (row["how"], row["other"], row["difference"], row["low"]) == (
            "not measured",
            None,
            None,
            None,
        )
        assert row["base"] is not None
    assert detected_differences(found).is_empty()
    ladder = LadderSummary({"population": wrong}, {"search": 1.0}, {}, 6)
    assert alike(ladder) == ["search"]
    assert "alike" in format_interval(1.0, None, None, seeds=6)
    assert "alike" not in format_interval(wrong, None, None, seeds=6)
