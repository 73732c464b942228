"""The analysis of a sweep: its tables hold the effects that were put in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from evosim.analysis import variance_decomposition
from evosim.analysis.resampling import Array, Resampling
from evosim.analysis.variance_decomposition import decompose
from evosim.sweeps.analysis import analysis_of
from evosim.sweeps.analysis_tables import SCHEMAS, Analysis
from evosim.sweeps.chart_inputs import ChartInputs
from evosim.sweeps.chunk_results import runs_frame
from evosim.sweeps.execute import begin
from evosim.sweeps.factors import DESIGN, short_names
from evosim.sweeps.figures import charts
from evosim.sweeps.queries import as_data, chosen
from evosim.sweeps.schema import read_alone, read_sweep
from evosim.sweeps.store import RUNS, Store
from tests.support.command import evosim
from tests.support.paths import ROOT

HOW = Resampling(500)


A, B = np.array([-1.0, 0.0, 1.0]), np.array([-0.5, 0.5])


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")


def noisy(
    means: Array, seeds: int, rng: np.random.Generator, common: float = 1.0, own: float = 1.0
) -> Array:
    """A grid's means with what a seed adds in every cell, and what it adds in each."""
    return (
        means[..., None]
        + common * rng.standard_normal(seeds)
        + own * rng.standard_normal((*means.shape, seeds))
    )


def shares(means: Array, seeds: int = 6) -> dict[tuple[str, tuple[int, ...]], float | None]:
    """Of a grid without chance, but with seeds that differ."""
    values = noisy(means, seeds, np.random.default_rng(4), own=0.0)
    return {(s.order, s.factors): s.share for s in decompose(values, HOW).shares}


def points(n: int = 60) -> Array:
    return np.random.default_rng(9).random((n, 3))


HEAD = 'name = "s"\nexperiment = "micro"\nchunk = 7\nkeep = []\n'


GRID = (
    HEAD
    + "replicates = 6\n[grid]\noptimizer.population = [40, 10, 20]\nworld.modern.breed_danger ="
    " [0.1, 0.2]\n"
)


Q = "ladder.modern.steps.search"


Outcome = Callable[[dict[str, Any]], dict[str, Any]]


def made(folder: Path, text: str, outcome: Outcome) -> Store:
    """A sweep with invented results: `outcome` gives status and numbers of each planned run."""
    path = folder / "s.toml"
    path.write_text(text, encoding="utf-8")
    store = begin(read_sweep(path), folder / "s")
    for chunk in range(store.chunks):
        rows = []
        for row in store.planned(chunk).iter_rows(named=True):
            planned = {key: value for key, value in row.items() if key != "chunk"}
            rows.append(planned | {"status": "complete", "generations": 1} | outcome(row))
        store.commit(chunk, {RUNS: runs_frame(rows, store.kinds)})
    return store


def additive(row: dict[str, Any]) -> dict[str, Any]:
    return {
        Q: (
            row["optimizer.population"] / 10.0
            + 100.0 * row["world.modern.breed_danger"]
            + 3.0 * row["seed"]
        )
    }


def level_means(analysis: Analysis, factor: str) -> dict[str, float]:
    rows = analysis.tables["effects"].filter(
        (pl.col("quantity") == Q) & (pl.col("factor") == factor)
    )
    return dict(rows.select("level", "mean").rows())


def test_effects_of_a_sweep_are_those_of_its_labels(tmp_path: Path) -> None:
    analysis = analysis_of(made(tmp_path, GRID, additive), HOW)
    assert level_means(analysis, "optimizer.population") == pytest.approx(
        {"10": 23.5, "20": 24.5, "40": 26.5}
    )
    assert level_means(analysis, "world.modern.breed_danger") == pytest.approx(
        {"0.1": 7.5 + 10 + 7 / 3, "0.2": 7.5 + 20 + 7 / 3}
    )
    contrasts = (
        analysis.tables["contrasts"]
        .filter(pl.col("factor") == "optimizer.population")
        .select("level", "against", "difference", "low", "high")
        .rows()
    )
    # Alike in all seeds
    assert contrasts == [
        ("20", "10", 1.0, None, None),
        ("40", "10", 3.0, None, None),
        ("40", "20", 2.0, None, None),
    ]
    pairs = analysis.tables["pairs"]
    assert pairs.height == 6
    assert not pairs["interaction"].abs().sum()
    cell = pairs.filter((pl.col("level") == "40") & (pl.col("with_level") == "0.1"))
    assert (
        cell
        if cell.height
        else pairs.filter((pl.col("level") == "0.1") & (pl.col("with_level") == "40"))
    )["mean"].to_list() == [21.5]


def test_swapped_labels_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted fault: cells laid out in another order than they were planned in."""
    real = variance_decomposition.marginal
    store = made(tmp_path, GRID, additive)
    monkeypatch.setattr(
        "evosim.sweeps.effects.marginal", lambda values, keep: real(values, keep)[::-1]
    )
    assert level_means(analysis_of(store, HOW), "optimizer.population") != pytest.approx(
        {"10": 23.5, "20": 24.5, "40": 26.5}
    )


def lost(status: str, population: int, seeds: tuple[int, ...]) -> Outcome:
    def outcome(row: dict[str, Any]) -> dict[str, Any]:
        gone = row["optimizer.population"] == population and row["seed"] in seeds
        return {"status": status} if gone else additive(row)

    return outcome


def test_seeds_that_are_not_everywhere_are_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = made(tmp_path, GRID, lost("failed", 20, (0, 5)))
    analysis = analysis_of(store)
    facts = analysis.tables["quantities"].row(0, named=True)
    assert (facts["seeds"], facts["seeds_left_out"], facts["refused"]) == (4, 2, None)
    # The plain mean of what is there would be off by what the lost seeds have in common with
    # nothing.
    assert level_means(analysis, "optimizer.population") == pytest.approx(
        {"10": 23.5, "20": 24.5, "40": 26.5}
    )
    cells = analysis.tables["cells"].filter(pl.col("optimizer.population") == 20)
    assert set(cells.select("measured", "complete", "failed", "missing").rows()) == {(4, 4, 2, 0)}
    code, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder))
    assert code == 0
    assert "4 failed" in out
    assert "2 seeds left out" in " ".join(out.split())
    assert "4 runs failed, and no mean includes failed runs." in out


@pytest.mark.slow
def test_a_cell_without_any_run_refuses_effects_and_not_means(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = made(tmp_path, GRID, lost("extinct", 10, (0, 1, 2, 3, 4, 5)))
    analysis = analysis_of(store)
    facts = {row["quantity"]: row for row in analysis.tables["quantities"].iter_rows(named=True)}
    assert facts[Q]["refused"] == "2 of 6 cells have no run in which it was measured"
    assert facts["extinct"]["refused"] is None
    assert analysis.tables["effects"].filter(pl.col("quantity") == Q).is_empty()
    died = analysis.tables["effects"].filter(
        (pl.col("quantity") == "extinct") & (pl.col("factor") == "optimizer.population")
    )
    assert died["mean"].to_list() == [1.0, 0.0, 0.0]
    code, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder))
    assert code == 0
    assert "no effects of factors: 2 of 6 cells have no run" in out
    assert "12 died out" in out
    assert "biased to lucky seeds" in " ".join(out.split())
    drawn = dict(
        charts(ChartInputs(analysis, read_alone(store.folder / "sweep.toml"), None, None), [Q])
    )
    words = json.dumps(drawn["phase-ladder-modern-steps-search"].to_dict())
    assert "died out" in words
    assert "left out" not in words
    code, _, err = evosim(
        capsys, "sweep", "figures", str(store.folder), "--of", "search", "--format", "svg"
    )
    assert code == 0
    assert f"no effects of {Q} are drawn: 2 of 6 cells have no run in which it was measured" in err


def test_one_seed_has_means_and_says_that_it_has_no_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = made(tmp_path, GRID.replace("= 6", "= 1"), additive)
    analysis = analysis_of(store)
    assert analysis.tables["cells"]["low"].null_count() == 6
    assert analysis.tables["contrasts"]["low"].null_count() == analysis.tables["contrasts"].height
    _, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder))
    assert "no intervals over seeds: they need 5 seeds" in " ".join(out.split())


def test_seeds_that_were_left_out_are_missed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three seeds measured in every cell are too few for a test, however many seeds were run."""

    def three(row: dict[str, Any]) -> dict[str, Any]:
        died = row["optimizer.population"] == 10 and row["seed"] >= 3
        return (
            {"status": "extinct"} if died else {Q: row["optimizer.population"] + row["seed"] ** 2.0}
        )

    store = made(tmp_path, GRID, three)
    _, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder), "--of", Q)
    words = " ".join(out.split())
    assert "not tested: 3 seeds were measured in every cell, the test needs 5" in words
    assert "without +-: exact, fewer than 5 runs, or all seeds agree" in words


TWO = HEAD + "replicates = 5\n[grid]\noptimizer.population = [10, 20]\n"


def test_the_screen_says_what_few_seeds_cannot_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = made(
        tmp_path, TWO, lambda row: {Q: float(row["optimizer.population"] * (1 + row["seed"]))}
    )
    facts = analysis_of(store).tables["quantities"].row(0, named=True)
    assert (facts["told"], facts["p"], facts["p_least"]) == (False, 0.0625, 0.0625)
    _, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder))
    words = " ".join(out.split())
    assert (
        "no effect detected (p = 0.062; so few seeds cannot give a p below 0.062, so no effect can"
        " be detected at 0.05. Run more seeds)" in words
    )


def test_an_infinite_number_is_not_measured(tmp_path: Path) -> None:
    """Seed 5 of one cell is infinite: this cell's mean and all effects leave the seed out."""
    store = made(
        tmp_path,
        GRID,
        lambda row: (
            {Q: float("inf")}
            if row["seed"] == 5 and row["optimizer.population"] == 10
            else additive(row)
        ),
    )
    tables = analysis_of(store).tables
    facts = tables["quantities"].row(0, named=True)
    assert (facts["seeds"], facts["seeds_left_out"], facts["p"] < 0.05) == (5, 1, True)
    cells = tables["cells"].filter(pl.col("optimizer.population") == 10)
    assert cells["measured"].to_list() == [5, 5]
    assert cells["mean"].is_finite().all()


@pytest.mark.parametrize("unit", [2.0**-560, 2.0**515])
def test_extreme_numbers_have_the_tables_of_ordinary_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], unit: float
) -> None:
    def seen(unit: float, folder: str) -> dict[str, Any]:
        (tmp_path / folder).mkdir()
        rng = np.random.default_rng(24)
        store = made(
            tmp_path / folder,
            GRID,
            lambda row: {Q: unit * (additive(row)[Q] + rng.standard_normal())},
        )
        tables = analysis_of(store).tables
        code, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder))
        assert (code, "nan" in out, "inf" in out) == (0, False, False)
        sd = tables["cells"]["sd"].to_numpy() / unit
        return {
            "sd": sd.tolist(),
            "told": tables["quantities"].select("told", "p").rows(),
            "shares": tables["shares"]["share"].to_list(),
        }

    assert seen(unit, "extreme") == seen(1.0, "ordinary")


def test_runs_that_are_not_done_are_counted(tmp_path: Path) -> None:
    store = made(tmp_path, GRID, additive)
    store.remove(1)
    analysis = analysis_of(store)
    assert analysis.facts.runs.missing == store.size(1) == 7
    assert analysis.tables["cells"]["missing"].sum() == 7


def test_an_analysis_is_read_again_until_runs_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = made(tmp_path, GRID, additive)
    first = analysis_of(store)
    with monkeypatch.context() as patch:
        patch.setattr("evosim.sweeps.analysis.analyse", lambda *_: pytest.fail("computed again"))
        again = analysis_of(store)
    assert first.facts == again.facts
    assert all(first.tables[name].equals(again.tables[name]) for name in first.tables)
    store.remove(0)
    assert analysis_of(store).facts.content != first.facts.content


def test_zips_are_one_factor_and_own_seeds_are_allowed(tmp_path: Path) -> None:
    text = (
        HEAD + 'replicates = 5\nseeds = "own"\n[[zip]]\noptimizer.population = [40,'
        " 10]\nworld.modern.breed_danger = [0.1, 0.2]\n"
    )
    store = made(tmp_path, text, lambda row: {Q: row["optimizer.population"] / 10.0})
    analysis = analysis_of(store)
    assert level_means(analysis, "optimizer.population + world.modern.breed_danger") == {
        "40, 0.1": 4.0,
        "10, 0.2": 1.0,
    }


BOX = (
    HEAD
    + 'replicates = 5\n[grid]\noptimizer.population = [10, 20]\n[design]\nkind = "sobol"\nsize ='
    " 32\n[design.ranges]\n"
    + "genome.discount = {low = 0.2, high = 0.8}\nworld.modern.breed_danger = {low = 0.01, high ="
    ' 0.4, scale = "log"}\n'
)


def boxed(row: dict[str, Any]) -> dict[str, Any]:
    u, v = (
        (row["genome.discount"] - 0.2) / 0.6,
        np.log(row["world.modern.breed_danger"] / 0.01) / np.log(40.0),
    )
    return {Q: 3.0 * u - 2.0 * v + row["optimizer.population"] + row["seed"]}


def test_a_design_is_read_on_its_own_scales(tmp_path: Path) -> None:
    analysis = analysis_of(made(tmp_path, BOX, boxed), HOW)
    slopes = {
        row["parameter"]: row["slope"]
        for row in analysis.tables["sampled"].filter(pl.col("with").is_null()).iter_rows(named=True)
    }
    assert slopes == pytest.approx({"genome.discount": 3.0, "world.modern.breed_danger": -2.0})
    contrast = analysis.tables["contrasts"].row(0, named=True)
    assert (contrast["difference"], contrast["low"], contrast["high"]) == (
        pytest.approx(10.0),
        None,
        None,
    )
    assert {row["factor"] for row in analysis.tables["shares"].iter_rows(named=True)} == {
        "optimizer.population",
        DESIGN,
    }


def test_nothing_of_a_design_is_said_to_be_exact(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ranks of all points agree, and yet other points or seeds may not."""
    text = BOX.replace("[grid]\noptimizer.population = [10, 20]\n", "")
    store = made(
        tmp_path,
        text,
        lambda row: {
            Q: (
                3.0 * row["genome.discount"]
                + 1e-6 * row["seed"] ** 2 * row["world.modern.breed_danger"]
            )
        },
    )
    code, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder), "--of", Q)
    assert code == 0
    assert " 1.00 " in out
    assert "exact" not in out.split("The design")[1]


def test_few_seeds_of_a_design_say_what_its_intervals_are_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Intervals are over points with 2 seeds, over both with 5 seeds, and absent with 5 points."""
    design = BOX.replace("[grid]\noptimizer.population = [10, 20]\n", "")
    heads = {}
    for seeds, points in ((2, 16), (5, 16), (2, 5)):
        folder = tmp_path / f"{seeds}-{points}"
        folder.mkdir()
        text = (
            design.replace("replicates = 5", f"replicates = {seeds}")
            .replace("size = 32", f"size = {points}")
            .replace('"sobol"', '"latin-hypercube"')
        )
        store = made(
            folder,
            text,
            lambda row: {
                Q: (
                    3.0 * row["genome.discount"]
                    + row["world.modern.breed_danger"]
                    + 0.1 * np.sin(97.0 * row["seed"] + 31.0 * row["genome.discount"])
                )
            },
        )
        _, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder), "--of", Q)
        head, _, tables = " ".join(out.split()).partition("Cells: means over seeds")
        heads[seeds, points] = head
        assert ("[" in tables.partition("The design")[2]) == (points == 16)
    over_points = (
        "[ ]: 95% intervals over the points of the design, for these seeds only. They do not"
        " include differences between seeds, which need 5 seeds."
    )
    assert (
        "no intervals over seeds: they need 5 seeds. Only exact differences between cells can be"
        " trusted." in heads[2, 16]
    )
    assert over_points in heads[2, 16]
    assert "[ ]" not in heads[2, 5]
    assert "[ ]: 95% intervals over seeds; design: over points and seeds;" in heads[5, 16]


@pytest.mark.slow
def test_points_with_holes_are_left_out(tmp_path: Path) -> None:
    cut = 0.3
    store = made(
        tmp_path,
        BOX,
        lambda row: (
            {"status": "extinct"}
            if row["genome.discount"] < cut and row["seed"] == 0
            else boxed(row)
        ),
    )
    fits = analysis_of(store).tables["fits"].filter(pl.col("quantity") == Q).row(0, named=True)
    assert (
        fits["points_left_out"]
        == (store.plan.select("genome.discount").unique()["genome.discount"] < cut).sum()
        > 0
    )
    (tmp_path / "more").mkdir()
    store = made(
        tmp_path / "more",
        BOX,
        lambda row: (
            {"status": "extinct"}
            if row["genome.discount"] < 0.7 and row["seed"] == 0
            else boxed(row)
        ),
    )
    assert (
        "more than half of the points"
        in analysis_of(store).tables["fits"].filter(pl.col("quantity") == Q)["refused"][0]
    )


def test_a_design_with_a_rare_choice_is_still_plain_data(tmp_path: Path) -> None:
    """One point alone has a choice, and no model can predict it when it is left out."""
    text = (
        HEAD + 'replicates = 2\n[design]\nkind = "random"\nsize = 12\nseed ='
        " 3\n[design.ranges]\ngenome.discount = {low = 0.2, high ="
        " 0.8}\nworld.modern.breed_danger = {choices = [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1,"
        " 0.2]}\n"
    )
    analysis = analysis_of(
        made(
            tmp_path,
            text,
            lambda row: {
                Q: row["genome.discount"] + 5.0 * (row["world.modern.breed_danger"] == 0.2)
            },
        ),
        HOW,
    )
    json.dumps(as_data(analysis, [Q]), allow_nan=False)


@pytest.mark.slow
def test_ledgers_of_cells_are_means_over_all_measured_runs(tmp_path: Path) -> None:
    """Against the runs' own account: entries by kind sum to the columns of runs.parquet."""
    from tests.support.sweeps import SWEEP, compute, start_sweep

    store = start_sweep(
        tmp_path / "real",
        SWEEP.replace("replicates = 2", "replicates = 6").replace("chunk = 3", "chunk = 6"),
    )
    compute(store)
    analysis = analysis_of(store, HOW)
    ledger = analysis.tables["ledger"].filter(
        (pl.col("subject") == "population") & (pl.col("world") == "modern")
    )
    sums = {
        (cell, kind): value
        for cell, kind, value in ledger.group_by("cell", "kind").agg(pl.col("mean").sum()).rows()
    }
    cells = analysis.tables["cells"].filter(
        pl.col("quantity").str.starts_with("behaviour.modern.kinds.")
    )
    for row in cells.iter_rows(named=True):
        assert sums.get((row["cell"], row["quantity"].rpartition(".")[2]), 0.0) == pytest.approx(
            row["mean"]
        )
    runs = pl.read_parquet(store.folder / "runs.parquet")
    truth = dict(runs.group_by("cell").agg(pl.col(Q).mean()).rows())
    for row in analysis.tables["cells"].filter(pl.col("quantity") == Q).iter_rows(named=True):
        assert row["mean"] == pytest.approx(truth[row["cell"]])


SHIFT = "ladder.modern.steps.shift"


def dying(row: dict[str, Any], *, enumerated: bool = True) -> dict[str, Any]:
    """All seeds die out at size 10, one at 20, none at 40. The shift belongs to worlds and grid."""
    dies = row["optimizer.population"] == 10 or (
        row["optimizer.population"] == 20 and row["seed"] == 0
    )
    out = {"status": "extinct" if dies else "complete", "exact": float(enumerated)}
    return out | {
        SHIFT: row["world.modern.breed_danger"],
        Q: 0.5,
        "behaviour.modern.kinds.waste": 1.0,
    }


def test_shares_of_seeds_that_agree_are_not_exact(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = made(tmp_path, GRID, dying)
    tables = analysis_of(store, HOW).tables
    cells = tables["cells"].filter(pl.col("quantity") == "extinct")
    wanted = [stats.binomtest(k, 6).proportion_ci(0.95, "exact") for k in cells["extinct"]]
    assert cells["low"].to_list() == pytest.approx([ci.low for ci in wanted])
    assert cells["high"].to_list() == pytest.approx([ci.high for ci in wanted])
    for name in ("cells", "effects", "contrasts", "pairs"):
        mine = tables[name].filter(pl.col("quantity") == "extinct")
        middle = "difference" if name == "contrasts" else "mean"
        assert mine.height
        assert (mine["low"] < mine["high"]).all()
        assert (mine["low"] <= mine[middle]).all()
        assert (mine[middle] <= mine["high"]).all()
    pairs = tables["pairs"].filter(pl.col("quantity") == "extinct")
    assert (pairs["interaction_low"] < pairs["interaction_high"]).all()
    code, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder), "--of", "extinct")
    assert code == 0
    assert "1.00 [0.54, 1.00]" in out
    assert "exact" not in out.split("Effects of the parameters")[1]


@pytest.mark.parametrize("enumerated", [True, False])
def test_exact_is_said_of_what_is_so_by_construction_alone(
    tmp_path: Path, enumerated: bool
) -> None:
    """All three quantities are the same in all seeds; the shift belongs to an enumerated grid."""
    store = made(tmp_path, GRID, lambda row: dying(row, enumerated=enumerated))
    for name, table in analysis_of(store, HOW).tables.items():
        if table.height and {"quantity", "low"} <= set(table.columns):
            without_width = (
                table.filter(pl.col("low") == pl.col("high"))["quantity"].unique().to_list()
            )
            assert without_width == ([SHIFT] if enumerated else []), name


def test_short_names_are_the_shortest_that_differ() -> None:
    assert short_names(["a.b.c", "a.d.c", "e.f"]) == {"a.b.c": "b.c", "a.d.c": "d.c", "e.f": "f"}
    assert short_names(["c", "a.c"]) == {"c": "c", "a.c": "a.c"}


def test_headlines_come_first(tmp_path: Path) -> None:
    store = made(tmp_path, GRID, lambda row: additive(row) | {"ties.classes": float(row["seed"])})
    assert chosen(analysis_of(store, HOW), []) == [Q]
    assert chosen(analysis_of(store, HOW), ["*"]) == [Q, "ties.classes"]


def test_columns_of_the_analysis_are_documented() -> None:
    text = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
    section = text.split("## What the parameters do")[1]
    for name, schema in SCHEMAS.items():
        assert f"`{name}`" in section
        for column in schema:
            assert f"`{column}`" in section, (name, column)
