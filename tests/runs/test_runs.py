"""Whole runs: records, repeats, the swap, look-up against direct evaluation, extinction."""

from __future__ import annotations

import json
import os
from pathlib import Path

import altair as alt
import numpy as np
import polars as pl
import pytest

from evosim import figures
from evosim.analysis import behaviour
from evosim.analysis.account import Accountant
from evosim.analysis.recorded_run import Recorded
from evosim.config.resolve import resolve
from evosim.config.toml_files import read_toml
from evosim.errors import Interrupted, UserError
from evosim.fitness.landscape import Landscape
from evosim.optimizers import OPTIMIZERS
from evosim.optimizers.params import OPTIMIZER_PARAMS
from evosim.runs import accounts, execute
from evosim.runs import figures as runs_figures
from evosim.runs.reader import LANDSCAPE, SEARCH, TABLES, read_run
from evosim.runs.session import SessionOptions
from evosim.runtime.checksums import read_sums, write_sums
from evosim.runtime.dataclass_json import to_json
from evosim.runtime.output_folders import RUNNING
from evosim.simulation.loop import simulate
from evosim.simulation.state import Run
from evosim.tables import screen
from tests.support.runs import equal, experiment
from tests.support.settings import QUICK, quick, setting
from tests.support.summaries import summary_of


def run(folder: Path, name: str, *settings: str) -> Recorded:
    return execute.run(experiment(name, *settings), out=folder)[0]


def simulated(name: str, *settings: str, max_classes: int | None = None, seed: int = 0) -> Run:
    made = setting(name, *quick(name, *settings))
    return simulate(
        made, Landscape(made, max_classes=max_classes, max_enumerated=max_classes), seed
    )


@pytest.mark.parametrize("name", sorted(QUICK))
def test_a_run_repeated_from_its_own_folder_gives_equal_tables(name: str, tmp_path: Path) -> None:
    first = run(tmp_path / "one", name, "replicates=2")
    again = execute.run(resolve(read_toml(first.folder / "experiment.toml")), out=tmp_path / "two")[
        0
    ]
    assert set(first.tables) == {*TABLES, LANDSCAPE, SEARCH}
    assert set(first.controls) == set(again.controls)
    assert all(equal(first.controls[name], again.controls[name]) for name in first.controls)
    assert equal(first.tables, again.tables)
    assert first.provenance["digest"] == again.provenance["digest"]
    analyses = [accounts.analyze(r).tables for r in (first, again)]
    assert equal(*analyses)


def test_replicates_are_runs_with_later_seeds() -> None:
    made = setting("birth-control", *quick("birth-control"))
    shared = Landscape(made)
    both = [simulate(made, shared, seed) for seed in (4, 5)]
    alone = simulate(made, Landscape(made), 5)
    assert equal(both[1].tables, alone.tables)
    assert not equal(both[0].tables, both[1].tables)


@pytest.mark.parametrize("name", ["birth-control", "micro"])
@pytest.mark.parametrize("optimizer", ["sexual", "asexual"])
def test_look_up_and_direct_evaluation_give_the_same_run(name: str, optimizer: str) -> None:
    change = f'optimizer.name="{optimizer}"'
    looked_up = simulated(name, change)
    direct = simulated(name, change, max_classes=1)
    assert equal(looked_up.tables, direct.tables)


def test_another_modern_world_leaves_the_ancestral_phase_bit_identical() -> None:
    one, other = (
        simulated("birth-control", f"world.modern.{change}")
        for change in ("death=0.2", "conception=0.0")
    )
    swap = 12
    columns = [
        "seed",
        "generation",
        "world",
        "size",
        "ancestral_mean",
        "ancestral_sd",
        "ancestral_max",
        "classes",
    ]
    a, b = (x.tables["generations"].filter(pl.col("generation") < swap) for x in (one, other))
    assert a.select(columns).equals(b.select(columns))
    assert not a["modern_mean"].equals(b["modern_mean"])
    for table in ("loci", "alleles"):
        before = [x.tables[table].filter(pl.col("generation") <= swap) for x in (one, other)]
        assert before[0].equals(before[1])
    populations = [x.tables["populations"].filter(pl.col("moment") != "end") for x in (one, other)]
    assert populations[0].equals(populations[1])
    # and the worlds do differ: later generations do
    assert not one.tables["loci"].equals(other.tables["loci"])


def test_phases_may_alternate() -> None:
    phase = '{{world="{}",generations={}}}'.format
    phases = [phase("ancestral", 3), phase("modern", 2), phase("ancestral", 2)]
    extra = f"phases=[{','.join(phases)}]"
    worlds = simulated("micro", extra).tables["generations"]["world"].to_list()
    assert worlds == ["ancestral"] * 3 + ["modern"] * 2 + ["ancestral"] * 2


def test_extinction_is_a_result(tmp_path: Path) -> None:
    """With no conception in M nobody is fit there: the run ends in its first modern generation, and
    says so.
    """
    recorded = run(
        tmp_path / "run",
        "birth-control",
        "world.modern.conception=0.0",
        "world.modern.contraception=false",
    )
    assert recorded.provenance["runs"]["0"] == {"status": "extinct", "generations": 13}
    assert recorded.tables["generations"].null_count().sum_horizontal()[0] == 0
    summary = accounts.analyze(recorded).summary
    json.dumps(to_json(summary), allow_nan=False)
    assert summary.recovery.modern_at_end.mean == 0.0


def test_extinction_before_the_swap(tmp_path: Path) -> None:
    recorded = run(tmp_path / "run", "birth-control", "genome.weights.pleasure.alleles=[0.0]")
    assert recorded.provenance["runs"]["0"] == {"status": "extinct", "generations": 1}
    summary = accounts.analyze(recorded).summary
    assert summary.ladder.ancestral.steps["search"] is None
    assert "population" not in summary.ladder.modern.rungs


def test_the_exhaustive_optimizer_finds_what_enumeration_finds() -> None:
    made = setting(
        "micro", 'optimizer={name="exhaustive"}', "phases.0.generations=2", "phases.1.generations=2"
    )
    landscape = Landscape(made)
    frame = landscape.frame()
    tables = simulate(made, landscape, 0).tables
    for moment, measure in (("swap", "ancestral"), ("end", "modern")):
        found = tables["populations"].filter(pl.col("moment") == moment)["class"].to_list()
        assert sorted(found) == sorted(landscape.best(measure, 0, 1).tolist())
        assert frame[measure][found[0]] == frame[measure].max()


def test_best_found_is_close_to_the_best_of_an_enumerable_grid() -> None:
    """It is called 'best found' because it need not be the best; here it is within 1%."""
    made = setting("birth-control")
    direct, enumerated = Landscape(made, max_classes=1, max_enumerated=1), Landscape(made)
    for measure in ("ancestral", "modern"):
        found = getattr(direct.worth(direct.best(measure, 0, 40)), measure).max()
        best = getattr(enumerated.worth(enumerated.best(measure, 0, 1)), measure).max()
        assert 0.99 * best < found <= best


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_contract_of_optimizers(name: str) -> None:
    """Ask gives genotypes of the grid, tell is answered by another ask, and the seed decides
    everything.
    """
    grid = setting("micro").genome.grid
    asked = []
    for seed in (0, 0, 1):
        optimizer = OPTIMIZERS[name](OPTIMIZER_PARAMS[name](), grid, seed)
        optimizer.begin_phase()
        for _ in range(3):
            genotypes = optimizer.ask()
            assert genotypes.dtype == np.uint8
            assert genotypes.shape[1:] == (grid.ploidy, len(grid.loci))
            assert (genotypes < [len(locus.params.alleles) for locus in grid.loci]).all()
            optimizer.tell(1.0 + grid.classes(genotypes) % 7)
        asked.append(optimizer.ask().copy())
        optimizer.close()
    assert np.array_equal(asked[0], asked[1])
    if name != "exhaustive":
        assert not np.array_equal(asked[0], asked[2])


def test_a_whole_folder_is_shown_again_and_a_foreign_one_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    first = run(folder, "micro")
    recorded, fresh = execute.run(experiment("micro"), out=folder)
    assert not fresh
    assert equal(recorded.tables, first.tables)
    assert execute.run(experiment("micro"), out=folder, force=True)[1]
    with pytest.raises(UserError, match="must hold this experiment"):
        execute.run(experiment("micro", "seed=5"), out=folder)
    with pytest.raises(UserError, match="must hold this experiment"):
        execute.run(experiment("micro", "seed=5"), out=folder, force=True)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("do not lose me")
    with pytest.raises(UserError, match="holds something else"):
        execute.run(experiment("micro"), out=tmp_path / "thesis", force=True)
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "do not lose me"


def test_an_interrupt_leaves_a_readable_partial_folder(tmp_path: Path) -> None:
    class Stop:
        """Somebody who presses Ctrl-C; the grid has gone by before."""

        scored = 0

        def genomes(self, done: int, total: int) -> None:
            assert done <= total
            self.scored = done

        def __call__(self, run: str, generation: int, *_: object) -> None:
            if run == "seed 1" and generation == 3:
                raise KeyboardInterrupt

    stop = Stop()
    with pytest.raises(Interrupted, match=r"run\.partial"):
        execute.run(
            experiment("micro", "replicates=3"),
            out=tmp_path / "run",
            options=SessionOptions(progress=stop),
        )
    partial = tmp_path / "run.partial"
    assert stop.scored > 0
    assert not (tmp_path / "run").exists()
    assert (
        "interrupted by KeyboardInterrupt after 1 of 3 replicates"
        in (partial / "STATUS").read_text()
    )
    assert pl.read_parquet(partial / "tables" / "generations.parquet")[
        "seed"
    ].unique().to_list() == [0]
    with pytest.raises(UserError, match="was interrupted"):
        read_run(partial)


@pytest.mark.parametrize("damage", ["truncate", "remove"])
@pytest.mark.parametrize(
    "name", ["tables/generations.parquet", "provenance.json", "experiment.toml"]
)
def test_a_damaged_run_is_one_line(tmp_path: Path, name: str, damage: str) -> None:
    folder = run(tmp_path / "run", "micro").folder
    path = folder / name
    if damage == "remove":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError) as caught:
        read_run(folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_an_edited_experiment_is_noticed(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", "micro").folder
    path = folder / "experiment.toml"
    path.write_text(path.read_text().replace("find = 0.7", "find = 0.8"))
    with pytest.raises(UserError, match="it was edited or damaged"):
        read_run(folder)


@pytest.mark.skipif(
    os.geteuid() != 0 and os.name != "posix", reason="needs a path that nobody can write"
)
def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="the output folder must be writable"):
        execute.run(experiment("micro"), out=tmp_path / "file" / "run")


def test_the_digest_knows_results_from_words() -> None:
    base = experiment("micro")
    assert experiment("micro", 'title="another"').digest() == base.digest()
    assert experiment("micro", "seed=1").digest() != base.digest()
    assert experiment("micro", "seed=1").setting_digest() == base.setting_digest()
    assert (
        experiment("micro", "world.ancestral.find=0.71").setting_digest() != base.setting_digest()
    )


def test_provenance_says_where_numbers_came_from(tmp_path: Path) -> None:
    facts = run(tmp_path / "run", "micro").provenance
    for key in (
        "evosim",
        "commit",
        "stream_version",
        "command",
        "packages",
        "seconds",
        "peak_memory_mib",
        "finished",
    ):
        assert key in facts
    assert facts["peak_memory_mib"] > 1
    assert facts["landscape"]["exact"] is True


def test_the_dead_do_not_rest() -> None:
    """Times a life are of the living: their sum is the expected number of ages lived."""
    made = setting("birth-control", *quick("birth-control"))
    landscape = Landscape(made)
    tables = simulate(made, landscape, 0).tables | {"landscape": landscape.frame()}
    maker = Accountant(made, tables, exact=True)
    times = maker.account().summary.times_per_life.ancestral
    world = made.pair.ancestral
    assert [world.states[s] for s in np.flatnonzero(world.terminal_states())] == ["dead"]
    swap = tables["populations"].filter(pl.col("moment") == "swap")
    lived = [
        maker.cache.evaluator.evaluate(c, "ancestral").occupancy[:, :-1].sum()
        for c in swap["class"]
    ]
    assert sum(times.values()) == pytest.approx(np.average(lived, weights=swap["count"]))
    assert sum(times.values()) < 60


def test_seeds_that_died_out_before_the_swap_are_left_out_of_recovery(tmp_path: Path) -> None:
    averse = [f"genome.weights.{w}.alleles=[-5.0,1.0]" for w in ("pleasure", "vanity")]
    changes = (
        "replicates=8",
        "optimizer.population=1",
        "genome.ploidy=1",
        "phases.0.generations=2",
    )
    recorded = run(tmp_path / "run", "micro", *changes, *averse)
    lived = [
        seed for seed, facts in recorded.provenance["runs"].items() if facts["generations"] > 1
    ]
    assert 0 < len(lived) < 8
    summary = accounts.analyze(recorded).summary
    assert summary.recovery.seeds == len(lived)
    by_hand = recorded.tables["populations"].filter(
        (pl.col("moment") == "end") & pl.col("seed").is_in([int(s) for s in lived])
    )
    worth = recorded.tables["landscape"].select("class", "modern_intent")
    assert summary.recovery.modern_at_end.mean == pytest.approx(
        by_hand.join(worth, on="class")["modern_intent"].mean()
    )


def test_nobody_alive_is_not_measured(tmp_path: Path) -> None:
    recorded = run(
        tmp_path / "run", "birth-control", "genome.weights.pleasure.alleles=[0.0]", "replicates=2"
    )
    summary = accounts.analyze(recorded).summary
    assert summary.behaviour.modern is None
    assert summary.recovery.seeds == 0


def test_desires_are_averaged_over_every_seed(tmp_path: Path) -> None:
    recorded = run(
        tmp_path / "run",
        "micro",
        "replicates=6",
        "optimizer.population=6",
        "phases.0.generations=10",
    )
    account = accounts.analyze(recorded)
    loci = {"fullness", "pleasure", "vanity", "toil"}
    assert set(account.tables["desires"]["feature"]) == loci
    assert account.tables["desires"].height == 6 * len(loci)
    swap = recorded.tables["populations"].filter(pl.col("moment") == "swap")
    mean = (swap["locus:fullness"] * swap["count"]).sum() / swap["count"].sum()
    printed = next(row for row in account.summary.desires if row.feature == "fullness")
    assert printed.weight == pytest.approx(mean)


def test_without_overlap_kinds_are_not_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = run(tmp_path / "run", "micro")
    split = accounts.analyze(recorded).summary.behaviour.modern
    monkeypatch.setattr(behaviour, "LEAST_OVERLAP", 1.1)
    account = accounts.analyze(recorded)
    whole = account.summary.behaviour.modern
    assert set(whole.kinds) == {"misspecified", "no overlap", "upkeep"}
    assert sum(whole.kinds.values()) == pytest.approx(sum(split.kinds.values()))
    assert set(account.tables["behaviour"].filter(pl.col("world") == "modern")["kind"]) <= set(
        whole.kinds
    )


def test_a_loss_that_is_split_in_some_seeds_alone_sums_to_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = run(tmp_path / "run", "micro", "replicates=3")
    before = accounts.analyze(recorded).summary.behaviour.modern
    # Each seed has one at the swap and one at the end
    told, turn = (behaviour.Ledger.as_reported, iter([True, True, False, False] * 100))
    monkeypatch.setattr(behaviour, "LEAST_OVERLAP", 1.1)
    monkeypatch.setattr(
        behaviour.Ledger, "as_reported", lambda self: told(self) if next(turn) else self
    )
    found = accounts.analyze(recorded).summary
    mixed = found.behaviour.modern
    assert before
    assert mixed
    assert mixed.kinds["no overlap"] > 0.0
    assert mixed.kinds["novel"] > 0.0
    assert sum(mixed.kinds.values()) == pytest.approx(sum(before.kinds.values()), abs=1e-12)
    for act, total in mixed.acts.items():
        assert sum(mixed.acts_by_kind[act].values()) == pytest.approx(total, abs=1e-12)
    assert "in some seeds, and there kinds are not split" in str(
        screen.accounts(summary_of(found))["behaviour"][0].caption
    )


def test_another_process_is_not_disturbed(tmp_path: Path) -> None:
    """A partial folder that somebody writes, or that is not ours, is left alone."""
    partial = tmp_path / "run.partial"
    partial.mkdir()
    (partial / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="must not exist yet"):
        run(tmp_path / "run", "micro")
    assert (partial / "notes.txt").read_text() == "mine"
    (partial / "experiment.toml").write_text("")
    (partial / "STATUS").write_text(f"{RUNNING} 1 on another-machine; not whole\n")
    with pytest.raises(UserError, match="another process may be writing"):
        run(tmp_path / "run", "micro")
    (partial / "STATUS").write_text(
        "interrupted by KeyboardInterrupt after 0 of 1 replicates; not whole\n"
    )
    assert (run(tmp_path / "run", "micro").folder / "notes.txt").read_text() == "mine"
    assert not partial.exists()


def test_folders_and_titles_with_brackets(tmp_path: Path) -> None:
    folder = tmp_path / "b[1]"
    recorded = run(folder, "micro")
    accounts.analyze(recorded)
    assert runs_figures.draw(read_run(folder), ("svg",))


@pytest.mark.parametrize("name", ["birth-control", "reflexes", "greedy-genes"])
def test_figures_are_valid_and_the_same_again(name: str, tmp_path: Path) -> None:
    """They are drawn without being validated, which takes as long as describing them."""
    recorded = run(tmp_path / "run", name)
    source = figures.Source(
        recorded, accounts.analyze(recorded).tables, accounts.summary_of(recorded, again=False)
    )
    charts = [
        chart
        for chart in (figure.draw(source) for figure in figures.FIGURES.values())
        if chart is not None
    ]
    with alt.data_transformers.disable_max_rows():
        for chart in charts:
            chart.to_dict(validate=True)
    every = list(figures.FIGURES)
    first = [path.read_bytes() for path in figures.draw_run(source, ("svg",), names=every)]
    assert [path.read_bytes() for path in figures.draw_run(source, ("svg",), names=every)] == first
    assert len(first) == len(charts)


def test_a_world_without_better_policies_is_refused_before_it_is_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must have better and worse policies"):
        run(tmp_path / "run", "birth-control", "world.ancestral.conception=0.0")
    assert not list(tmp_path.iterdir())


def test_force_touches_nothing_but_the_run(tmp_path: Path) -> None:
    run(tmp_path / "run", "micro")
    (tmp_path / "run.old").mkdir()
    (tmp_path / "run.old" / "notes.txt").write_text("mine")
    execute.run(experiment("micro"), out=tmp_path / "run", force=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run", "run.old"]
    assert (tmp_path / "run.old" / "notes.txt").read_text() == "mine"


def test_a_run_by_other_code_is_accounted_for_again(tmp_path: Path) -> None:
    recorded = run(tmp_path / "run", "micro")
    accounts.analyze(recorded)
    assert accounts.same_code(recorded)
    path = recorded.folder / "summary.json"
    truth = json.loads(path.read_text())
    path.write_text(json.dumps(truth | {"overlap": 0.5}))
    # As if it had been found so
    write_sums(recorded.folder, ["summary.json"], read_sums(recorded.folder))
    assert accounts.summary_of(recorded, again=False).account.overlap == 0.5
    facts = recorded.provenance | {"sources": "0000"}
    (recorded.folder / "provenance.json").write_text(json.dumps(facts))
    write_sums(recorded.folder, ["provenance.json"], read_sums(recorded.folder))
    other = read_run(recorded.folder)
    assert not accounts.same_code(other)
    assert accounts.summary_of(other, again=False).account.overlap == truth["overlap"]


@pytest.mark.parametrize("column", ["ancestral", "ancestral_intent", "modern", "modern_intent"])
def test_every_recorded_measure_is_rechecked(column: str) -> None:
    made = setting("micro", *quick("micro"))
    landscape = Landscape(made)
    frame = landscape.frame().with_columns(pl.col(column) * 0.5)
    tables = simulate(made, landscape, 0).tables | {"landscape": frame}
    with pytest.raises(UserError, match="but the reference code finds"):
        Accountant(made, tables, exact=True).account()


def test_large_seeds_and_fixed_desires_run(tmp_path: Path) -> None:
    recorded = run(tmp_path / "run", "micro", "seed=2147483646", "replicates=3")
    assert recorded.tables["generations"]["seed"].n_unique() == 3
    fixed = [
        f"genome.weights.{w}.alleles=[1.0]" for w in ("fullness", "pleasure", "vanity", "toil")
    ]
    recorded = run(tmp_path / "fixed", "micro", *fixed)
    assert (tmp_path / "fixed" / "figures" / "loci.svg") in runs_figures.draw(recorded, ("svg",))
