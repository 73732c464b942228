"""The Python API: frames say what the summary says, populations of one's own, sweeps and searches,
and what a notebook shows.
"""

from __future__ import annotations

import importlib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import evosim
from evosim.analysis.behaviour import NO_OVERLAP
from evosim.analysis.intervals import interval
from evosim.api import frames
from evosim.tables.formatting import number
from tests.support.api import SWEEP, settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def micro(tmp_path_factory: pytest.TempPathFactory) -> evosim.Run:
    return evosim.run(
        "micro", settings("micro"), replicates=6, out=tmp_path_factory.mktemp("runs") / "micro"
    )


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> evosim.Run:
    return evosim.run(
        "greedy-genes",
        settings("greedy-genes"),
        replicates=5,
        out=tmp_path_factory.mktemp("runs") / "driven",
    )


def test_every_name_is_there_and_hides_no_module() -> None:
    modules = {path.stem for path in (ROOT / "evosim").iterdir()}
    for name in evosim.__all__:
        assert getattr(evosim, name) is not None
        assert name not in modules  # importing evosim.NAME would put the module in the name's place
    for module in ("evosim.api.comparison", "evosim.api.export", "evosim.sweeps.execute"):
        importlib.import_module(module)
    assert callable(evosim.compare)
    assert callable(evosim.sweep)
    assert set(dir(evosim)) == set(evosim.__all__)


@pytest.mark.parametrize("which", ["micro", "driven"])
def test_losses_are_the_very_numbers_of_the_summary(
    which: str, request: pytest.FixtureRequest
) -> None:
    run: evosim.Run = request.getfixturevalue(which)
    losses = run.losses()
    assert losses.select("loss", "world").rows() == [
        (loss, world) for loss in ("shift", "search", "hack") for world in ("ancestral", "modern")
    ]
    for row in losses.iter_rows(named=True):
        ladder = run.summary["ladder"][row["world"]]
        assert row["mean"] == ladder["steps"][row["loss"]]
        assert (row["low"], row["high"]) == tuple(
            ladder["intervals"].get(row["loss"], (None, None))
        )
        assert len(row["words"]) > 40
    assert (losses.filter(pl.col("loss") == "hack")["mean"].null_count() == 2) == (which == "micro")
    # and what it is a summary of: the steps of each seed
    steps = run.ladder(seeds=True).filter(
        (pl.col("part") == "step") & (pl.col("name") == "search") & (pl.col("world") == "modern")
    )["value"]
    row = losses.row(3, named=True)
    assert row["mean"] == pytest.approx(steps.mean(), abs=1e-15)
    assert (row["low"], row["high"]) == interval(steps, 2000, 0.95)


def test_the_ladder_closes(driven: evosim.Run) -> None:
    found = {
        (row["world"], row["name"]): row["mean"] for row in driven.ladder().iter_rows(named=True)
    }
    for world in ("ancestral", "modern"):
        lost = sum(
            found[world, step]
            for step in ("representation", "specification", "shift", "search", "hack")
        )
        assert found[world, "optimum"] - found[world, "population"] == pytest.approx(
            lost, abs=1e-12
        )
    codes = (
        driven.ladder()
        .filter(pl.col("part") == "rung")["code"]
        .unique(maintain_order=True)
        .to_list()
    )
    assert codes == ["R0", "R1", "R2", "R3", "R4", "R5"]


def test_frames_are_means_over_the_seeds_of_their_tables(driven: evosim.Run) -> None:
    for frame, long, value in (
        (driven.steps(), driven.steps(seeds=True), "value"),
        (driven.behaviour(), driven.behaviour(seeds=True), "value"),
        (driven.search(), driven.search(seeds=True), "value"),
        (driven.hack(), driven.hack(seeds=True), "value"),
        (driven.causes(), driven.causes(seeds=True), "value"),
        (driven.desires(), driven.desires(seeds=True), "value"),
        (driven.recovery(), driven.recovery(seeds=True), "value"),
    ):
        by = [name for name in frame.columns if name not in frames.MEASURED]
        again = long.group_by(by).agg(
            pl.col(value).mean().alias("again"), pl.col("seed").count().alias("n")
        )
        both = frame.join(again, on=by, nulls_equal=True)
        assert both.height == frame.height > 0
        assert np.allclose(both["mean"], both["again"], atol=1e-12)
        assert (both["seeds"].fill_null(0) == both["n"]).all()
        assert (
            both.filter(pl.col("n") == 0)["low"].null_count()
            == both.filter(pl.col("n") == 0).height
        )


def test_the_behaviour_ledger_sums_to_the_loss(driven: evosim.Run) -> None:
    for world in ("ancestral", "modern"):
        mine = driven.behaviour().filter(
            (pl.col("subject") == "population") & (pl.col("world") == world)
        )
        told = driven.summary["behaviour"][world]
        for act, kinds in told["acts_by_kind"].items():
            for kind, value in kinds.items():
                assert mine.filter((pl.col("act") == act) & (pl.col("kind") == kind))[
                    "mean"
                ].item() == pytest.approx(value, abs=1e-12)
        rungs = driven.summary["ladder"][world]["rungs"]
        assert mine["mean"].sum() == pytest.approx(rungs["optimum"] - rungs["population"], abs=1e-9)
        by_age = driven.behaviour(by=["age"]).filter(
            (pl.col("subject") == "population") & (pl.col("world") == world)
        )
        assert by_age["mean"].sum() == pytest.approx(mine["mean"].sum(), abs=1e-9)


def test_missing_entries_are_zero_and_unsplit_losses_have_no_kind() -> None:
    rows = [
        ("population", 0, "modern", "novel", "a", 1.0),
        ("population", 0, "modern", "upkeep", None, 0.5),
        ("population", 1, "modern", "upkeep", None, 0.5),
        ("population", 2, "modern", NO_OVERLAP, "a", 2.0),
        ("population", 2, "modern", "upkeep", None, 0.1),
    ]
    table = pl.DataFrame(
        rows, schema=["subject", "seed", "world", "kind", "act", "value"], orient="row"
    )
    found = {
        (row["seed"], row["kind"]): row["value"]
        for row in frames.behaviour(table, ["kind"]).iter_rows(named=True)
    }
    assert found == {
        (0, "novel"): 1.0,
        (1, "novel"): 0.0,
        (2, NO_OVERLAP): 2.0,
        (0, "upkeep"): 0.5,
        (1, "upkeep"): 0.5,
        (2, "upkeep"): 0.1,
    }


def test_search_terms_sum_to_the_change(driven: evosim.Run) -> None:
    long = driven.search(seeds=True)
    keys = ["seed", "when", "trait"]
    terms = (
        long.filter(pl.col("term") != "change")
        .group_by(keys)
        .agg(pl.col("value").sum().alias("terms"))
    )
    both = long.filter(pl.col("term") == "change").join(terms, on=keys)
    assert both.height > 5
    assert np.allclose(both["value"], both["terms"], atol=1e-9)


def test_a_run_is_read_back_and_settings_may_be_a_row_of_a_frame(micro: evosim.Run) -> None:
    frame = pl.DataFrame({"phases.0.generations": [6, 9], "phases.1.generations": [4, None]})
    again = evosim.run("micro", frame[:1], replicates=6, out=micro.folder)
    assert again.provenance == micro.provenance
    assert (
        evosim.resolve("micro", frame[1:]).phases[1].generations
        == evosim.resolve("micro").phases[1].generations
    )
    assert evosim.resolve("micro", {"seed": np.int64(3)}).seed == 3
    loaded = evosim.load(micro.folder)
    assert isinstance(loaded, evosim.Run)
    assert evosim.resolve(loaded.experiment) == loaded.experiment
    with pytest.raises(evosim.UserError, match="must be one row of a frame, but has 2"):
        evosim.resolve("micro", frame)


def test_nothing_is_printed(micro: evosim.Run, capfd: pytest.CaptureFixture[str]) -> None:
    evosim.run("micro", settings("micro"), replicates=6, out=micro.folder)
    micro.losses()
    assert capfd.readouterr() == ("", "")


def test_one_genome_and_figures(micro: evosim.Run, tmp_path: Path) -> None:
    one = micro.account(5)
    loci = one["loci"]
    assert micro.account(loci)["class"] == 5
    assert "ladders" in micro.figures()
    chart = micro.figure("ladders")
    assert chart.to_dict()["description"]
    with pytest.raises(evosim.UserError, match="a figure must be one of"):
        micro.figure("ladder")
    with pytest.raises(evosim.UserError, match="has nothing of the kind"):
        micro.figure("drive")
    with pytest.raises(evosim.UserError, match="Did you mean 'ladder'"):
        micro.table("lader")
    written = micro.save(tmp_path / "csv", ["ladder"])
    assert pl.read_csv(written[0])["value"].to_list() == micro.table("ladder")["value"].to_list()


# Populations of one's own


def test_a_given_population_has_the_account_of_an_evolved_one(micro: evosim.Run) -> None:
    swap = micro.tables["populations"].filter(pl.col("moment") == "swap")
    found = micro.population(swap.select("seed", "class", "count"))
    for world in ("ancestral", "modern"):
        mine, theirs = found.summary["ladder"][world], micro.summary["ladder"][world]
        assert mine["rungs"] == theirs["rungs"]
        assert mine["steps"] == theirs["steps"]
        assert mine["intervals"] == theirs["intervals"]
    assert found.summary["behaviour"] == micro.summary["behaviour"]
    assert found.losses()["mean"].to_list() == micro.losses()["mean"].to_list()
    # without a run, and by what is expressed instead of by numbers
    loci = swap.select(
        "seed",
        "count",
        *(
            pl.col(name).alias(name.removeprefix("locus:"))
            for name in swap.columns
            if name.startswith("locus:")
        ),
    )
    loci = loci.with_columns(_named(micro, loci))
    again = evosim.account(loci, "micro", settings("micro"))
    assert again.losses().equals(found.losses())
    assert "the population given" in repr(again)
    assert "recovery" not in again.tables


def _named(run: evosim.Run, loci: pl.DataFrame) -> list[pl.Series]:
    """Columns of named alleles by name instead of by index."""
    genome = run.experiment.genome
    named = {
        name: locus["alleles"]
        for name, locus in genome.items()
        if isinstance(locus, dict) and locus.get("alleles") and isinstance(locus["alleles"][0], str)
    }
    return [
        pl.Series(name, [alleles[int(value)] for value in loci[name]])
        for name, alleles in named.items()
        if name in loci.columns
    ]


def test_genotypes_express_what_their_alleles_do() -> None:
    """A heterozygote of an additive locus lies between; one column of lists of two alleles is one
    locus of a diploid.
    """
    experiment = evosim.resolve("birth-control", {"optimizer.population": 10})
    varying = {
        name: locus["alleles"]
        for name, locus in experiment.genome["weights"].items()
        if len(locus["alleles"]) > 1
    }
    pair = {
        name: [[alleles[0], alleles[1]], [alleles[1], alleles[1]]]
        for name, alleles in varying.items()
    }
    horizon = experiment.genome["horizon"]["alleles"]
    frame = pl.DataFrame({**pair, "horizon": [[horizon[0], horizon[0]]] * 2})
    from evosim.api.population import counted
    from evosim.config.resolve import build

    setting = build(experiment)
    census = counted(frame, setting)
    values = setting.genome.grid.values(census["class"].to_numpy())
    names = [locus.name for locus in setting.genome.grid.loci]
    for name, alleles in varying.items():
        dominance = experiment.genome["weights"][name]["dominance"]
        expected = [alleles[0] + dominance * (alleles[1] - alleles[0]), alleles[1]]
        assert values[:, names.index(name)].tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ({"class": [0], "vanity": [1.0]}, "by 'class' or by loci, but has both"),
        ({"class": [10**9]}, "column 'class' must lie in 0.."),
        ({"class": [-1]}, "must be at least 0"),
        ({"class": [0.5]}, "must hold whole numbers"),
        ({"class": []}, "must have somebody in it"),
        ({"class": [1, None]}, "has 1 nulls"),
        ({"clas": [1]}, "Did you mean 'class'"),
        ({"class": [1], "count": [0]}, "column 'count' of a population must be at least 1"),
        ({"class": [1], "kept": [1.5]}, "must lie in"),
        ({"count": [1]}, "must have a column for every locus that varies"),
    ],
)
def test_mistakes_in_a_population_are_one_line(
    micro: evosim.Run, frame: dict[str, list[object]], words: str
) -> None:
    with pytest.raises(evosim.UserError, match=words) as error:
        micro.population(
            pl.DataFrame(
                frame, schema_overrides={"class": pl.Int64} if frame.get("class") == [] else None
            )
        )
    assert "\n" not in str(error.value)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> evosim.Sweep:
    return evosim.sweep(SWEEP, out=tmp_path_factory.mktemp("sweeps") / "small", workers=1)


def test_a_sweep_is_computed_and_says_what_single_runs_say(
    swept: evosim.Sweep, tmp_path: Path
) -> None:
    assert (swept.status.done, swept.status.failed) == (10, 0)
    runs = swept.runs()
    assert runs.height == 10
    one = runs.row(0, named=True)
    alone = evosim.run(
        "micro",
        settings("micro") | {"world.modern.find": one["world.modern.find"]},
        seed=one["seed"],
        out=tmp_path / "one",
    )
    assert one["ladder.modern.steps.search"] == pytest.approx(
        alone.summary["ladder"]["modern"]["steps"]["search"], abs=1e-12
    )
    assert swept.parameters == ["world.modern.find"]
    assert "ladder.modern.steps.shift" in swept.quantities
    cells = swept.cells("ladder.modern.steps.search")
    means = runs.group_by("cell", maintain_order=True).agg(
        pl.col("ladder.modern.steps.search").mean()
    )
    assert cells["mean"].to_list() == pytest.approx(means["ladder.modern.steps.search"].to_list())
    assert swept.effects("ladder.modern.steps.shift")["level"].to_list() == ["0.2", "0.6"]
    assert swept.contrasts("ladder.modern.steps.shift").height == 1
    assert swept.shares().columns[0] == "quantity"
    assert swept.table("ladder").height > 0
    again = evosim.sweep(SWEEP, out=swept.folder, workers=1)
    assert again.runs().equals(runs)
    with pytest.raises(evosim.UserError, match="Did you mean 'runs'"):
        swept.table("run")
    with pytest.raises(evosim.UserError, match="replicates must be greater"):
        evosim.sweep(SWEEP | {"replicates": 0}, out=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_figures_of_a_sweep(swept: evosim.Sweep) -> None:
    charts = swept.figures(["ladder.modern.steps.shift"])
    assert charts
    name = next(iter(charts))
    assert swept.figure(name, ["ladder.modern.steps.shift"]).to_dict()
    with pytest.raises(evosim.UserError, match="a figure must be one of"):
        swept.figure("nothing")


def test_a_search_has_paths(tmp_path: Path) -> None:
    small = {"phases.0.generations": 200}
    found = evosim.search("claim-06-demons", small, out=tmp_path / "hills")
    assert found.paths()["evaluation"].max() == 200
    assert {row["quantity"] for row in found.summary["search"]} >= {"x_0 at the end"}
    assert isinstance(evosim.load(tmp_path / "hills"), evosim.Search)
    assert found.figure("paths").to_dict()
    with pytest.raises(evosim.UserError, match=r"Use evosim\.search"):
        evosim.run("claim-06-demons", small)
    with pytest.raises(evosim.UserError, match=r"Use evosim\.run"):
        evosim.search("micro")
    _well_formed(found._repr_html_())
    assert "x_0 at the end" in repr(found)


# What a notebook shows


def _well_formed(html: str) -> str:
    """The text of a piece of HTML that is also XML; with what would be markup in words escaped."""
    tree = ElementTree.fromstring(html)
    assert not list(tree.iter("script"))
    return " ".join(tree.itertext())


def test_reprs_are_well_formed_and_have_the_numbers(
    driven: evosim.Run, swept: evosim.Sweep, tmp_path: Path
) -> None:
    words = _well_formed(driven._repr_html_())
    for text in (words, repr(driven)):
        for row in driven.losses().iter_rows(named=True):
            assert number(row["mean"]) in text
        for row in driven.ladder().filter(pl.col("part") == "rung").iter_rows(named=True):
            assert number(row["mean"]) in text
        assert driven.provenance["digest"][:8] in text
    shift = number(float(swept.cells("ladder.modern.steps.shift")["mean"].max()))  # type: ignore[arg-type]
    for text in (_well_formed(swept._repr_html_()), repr(swept)):
        assert "10 runs; 10 done" in text
        assert shift in text
    odd = evosim.run(
        "micro",
        settings("micro") | {"title": "<script>alert('x')</script> & \"y\""},
        out=tmp_path / "odd",
    )
    assert "<script>alert('x')</script> & \"y\"" in _well_formed(odd._repr_html_())
    assert "<script>" not in odd._repr_html_()


def test_what_is_nothing_is_one_line(tmp_path: Path) -> None:
    for call in (
        lambda: evosim.load(tmp_path / "no"),
        lambda: evosim.load(tmp_path),
        lambda: evosim.run("birth-contol"),
        lambda: evosim.compare(tmp_path, tmp_path),
    ):
        with pytest.raises(evosim.UserError) as error:
            call()
        assert "\n" not in str(error.value)
