"""Drivers, modifiers, introductions and controls: what they do to genotypes and runs, and what is
refused.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evosim import Run
from evosim.analysis import drive_cost as hack_step
from evosim.analysis import means_over_seeds
from evosim.analysis.account import Account
from evosim.analysis.summary import AlleleFrequency, DriveSummary
from evosim.analysis.values import MeasuredByWorld
from evosim.config.experiments import read_experiment
from evosim.config.resolve import build, resolve
from evosim.config.schema import AnalysisChoice
from evosim.config.settings import apply_settings
from evosim.errors import UserError
from evosim.fitness.landscape import Landscape
from evosim.genomes import Driver, Modifier
from evosim.runs import accounts, execute
from evosim.simulation.loop import simulate
from evosim.tables import screen, sentences
from evosim.verify.engine import SOUND, markers
from tests.support.command import evosim
from tests.support.settings import quick, setting
from tests.support.summaries import some_account, summary_of

DRIVER = "genome.drivers.0"


def account_of(tmp_path: Path, *settings: str) -> tuple[execute.Recorded, Account]:
    experiment = resolve(
        apply_settings(read_experiment("coarse-drive"), quick("coarse-drive", *settings))
    )
    recorded, _ = execute.run(experiment, out=tmp_path / "run")
    return recorded, accounts.analyze(recorded)


def test_costs_multiply_and_count_copies() -> None:
    grid = markers(
        None,
        None,
        drivers=(Driver("m0", "other", 0.9, 0.4, 0.25, "viability"),),
        modifiers=(
            Modifier("m1", "other", "m0", cost=0.5, dominance=1.0, cost_to="male fertility"),
        ),
    )
    genotypes = np.array(
        [[[0, 0], [0, 0]], [[1, 0], [0, 0]], [[1, 0], [1, 1]], [[1, 1], [1, 1]]], dtype=np.uint8
    )
    np.testing.assert_allclose(
        grid.drive.fitness_retained(genotypes), [[1, 0.9, 0.6, 0.6], [1, 1, 1, 1], [1, 1, 0.5, 0.5]]
    )
    assert not grid.drive.replaced(genotypes)[:, :, 0].any()
    np.testing.assert_array_equal(grid.drive.replaced(genotypes)[:, :, 1], genotypes[:, :, 1])


@pytest.mark.slow
def test_the_hack_step_by_hand(tmp_path: Path) -> None:
    """Every quantity from the recorded tables alone, with a driver at the desire itself, so that
    removing it changes behaviour.
    """
    recorded, account = account_of(
        tmp_path,
        'genome.drivers=[{locus="solo",allele=1.0,wild=-1.0,ratio=0.8,cost=0.2,dominance=0.5}]',
        "optimizer.introductions=[{generation=2,copies=20,alleles={solo=1.0}}]",
    )
    landscape = recorded.tables["landscape"]
    for world, column in (("ancestral", "ancestral"), ("modern", "modern_intent")):
        worth = dict(zip(landscape["class"], landscape[column], strict=True))

        def means(tables: dict[str, pl.DataFrame], worth: dict[int, float] = worth) -> np.ndarray:
            rows = (
                tables["populations"]
                .filter((pl.col("moment") == "swap") & (pl.col("seed") == 1))
                .to_dicts()
            )
            n = sum(r["count"] for r in rows)
            net = sum(r["count"] * worth[r["class"]] * r["kept"] for r in rows) / n
            free = sum(r["count"] * worth[r["class"]] for r in rows) / n
            wild = sum(r["count"] * worth[r["class_wild"]] * r["kept_wild"] for r in rows) / n
            return np.array([net, free, wild])

        run, fair, again, absent = (
            means(t)
            for t in (
                recorded.tables,
                *(recorded.controls[c] for c in ("fair", "fair_again", "absent")),
            )
        )
        expected = {
            "hack": fair[0] - run[0],
            "own_cost": (run[1] - run[0]) - (fair[1] - fair[0]),
            "behaviour": fair[1] - run[1],
            "null": again[0] - fair[0],
            "presence": absent[0] - run[0],
            "instantaneous": run[2] - run[0],
        }
        found = account.tables["hack"].filter((pl.col("seed") == 1) & (pl.col("world") == world))
        values = dict(zip(found["quantity"], found["value"], strict=True))
        for name, value in expected.items():
            assert values[name] == pytest.approx(value, abs=1e-12), name
        assert values["hack"] == pytest.approx(values["own_cost"] + values["behaviour"], abs=1e-12)
        steps = account.tables["ladder"].filter(
            (pl.col("seed") == 1) & (pl.col("world") == world) & (pl.col("part") == "step")
        )
        ladder = dict(zip(steps["name"], steps["value"], strict=True))
        assert ladder["hack"] == pytest.approx(expected["hack"], abs=1e-12)
        assert ladder["search"] == pytest.approx(ladder["unfound"] + ladder["load"], abs=1e-12)
        acts = account.tables["steps"].filter((pl.col("seed") == 1) & (pl.col("world") == world))
        for step in ("search", "hack"):
            assert acts.filter(pl.col("step") == step)["value"].sum() == pytest.approx(
                ladder[step], abs=1e-9
            )
    own = recorded.tables["generations"].filter(
        (pl.col("generation") == 15) & (pl.col("seed") == 1)
    )
    assert own["ancestral_mean"][0] == pytest.approx(
        means(recorded.tables, dict(zip(landscape["class"], landscape["ancestral"], strict=True)))[
            0
        ]
    )


@pytest.mark.slow
def test_telescoping_to_the_whole_loss(tmp_path: Path) -> None:
    _, account = account_of(tmp_path)
    for (_, _), rows in account.tables["ladder"].group_by("seed", "world"):
        values = {(r["part"], r["name"]): r["value"] for r in rows.to_dicts()}
        steps = ("representation", "dominance", "specification", "shift", "search", "hack")
        lost = values["rung", "optimum"] - values["rung", "population"]
        assert sum(values.get(("step", s), 0.0) for s in steps) == pytest.approx(lost, abs=1e-12)


@pytest.mark.slow
def test_a_driver_that_sterilizes_all_ends_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = quick(
        "coarse-drive",
        f"{DRIVER}.ratio=1.0",
        f"{DRIVER}.cost=1.0",
        f"{DRIVER}.dominance=1.0",
        "optimizer.introductions.0.copies=120",
    )
    arguments = [item for s in settings for item in ("--set", s)]
    out_of_run = ("--details", "--out", str(tmp_path / "run"))
    code, out, _ = evosim(capsys, "run", "coarse-drive", *arguments, *out_of_run)
    assert code == 0
    assert "2 of 2 seeds died out (seeds 0, 1), before the switch" in " ".join(out.split())
    assert "Extinct: 2 of 2 runs" in out
    assert "not measured, which is not 0: the control or the run died out" in " ".join(out.split())
    recorded = execute.read_run(tmp_path / "run")
    assert {r["status"] for r in recorded.provenance["runs"].values()} == {"extinct"}


def test_a_lethal_driver_in_males_alone_ends_it_too() -> None:
    """Every male is sterile: there are no fathers, although all females are fertile."""
    made = setting(
        "coarse-drive",
        *quick("coarse-drive"),
        "optimizer.sexes=2",
        f"{DRIVER}.cost=1.0",
        f"{DRIVER}.dominance=1.0",
        f'{DRIVER}.cost_to="male fertility"',
        "optimizer.introductions.0.copies=120",
    )
    assert simulate(made, Landscape(made), 0).status == "extinct"


def test_two_sexes_and_no_selfing_run_from_a_file() -> None:
    for change in ("optimizer.sexes=2", "optimizer.selfing=false"):
        made = setting("coarse-drive", *quick("coarse-drive", change))
        assert simulate(made, Landscape(made), 0).status == "complete"


def test_enumerated_or_looked_up_is_the_same_with_drive() -> None:
    made = setting("coarse-drive", *quick("coarse-drive"))
    one, other = (
        simulate(made, Landscape(made, max_classes=limit, max_enumerated=limit), 3).tables
        for limit in (10**6, 10)
    )
    assert all(one[name].equals(other[name]) for name in one)


SUPPRESSES = '{locus="horizon",allele=1,of="t",cost=0.1}'


MISTAKES: dict[str, tuple[list[str], str]] = {
    "k above 1": (
        [f"{DRIVER}.ratio=1.2"],
        r"genome.drivers.0.ratio must lie in [0, 1], but is 1.2",
    ),
    "k below 0 in sperm": (
        [f"{DRIVER}.ratio=[0.5,-0.1]"],
        r"genome.drivers.0.ratio must lie in [0, 1], but is -0.1",
    ),
    "no such locus": (
        [f'{DRIVER}.locus="x"'],
        "genome.drivers.0.locus must be a locus of the genome",
    ),
    "no such allele": (
        [f'{DRIVER}.allele="x"'],
        "genome.drivers.0.allele must be an allele of 't'",
    ),
    "two at a locus": (
        ['genome.drivers=[{locus="t",allele="driver"},{locus="t",allele="wild"}]'],
        "a locus must have at most one driver, but genome.drivers.1 claims 't'",
    ),
    "two on a chromosome": (
        ['genome.drivers=[{locus="t",allele="driver"},{locus="solo",allele=1.0}]'],
        "a chromosome must have at most one driver, but 't' has 't' and 'solo'",
    ),
    "suppressor of nothing": (
        ['genome.modifiers=[{locus="horizon",allele=1,of="solo"}]'],
        (
            "genome.modifiers.0.of must be the locus of a driver (t), but is 'solo'. Add that"
            " driver or remove the modifier"
        ),
    ),
    "suppressor at the driver": (
        ['genome.modifiers=[{locus="t",allele="wild",of="t"}]'],
        "a driver and a modifier must sit at different loci",
    ),
    "modifier twice": (
        [f"genome.modifiers=[{SUPPRESSES},{SUPPRESSES}]"],
        "a modifier of a driver must be stated once, but genome.modifiers.1",
    ),
    "a cost paid twice": (
        [
            'genome.drivers=[{locus="t",allele="driver"},{locus="ease",allele=1.0}]',
            f'genome.modifiers=[{SUPPRESSES},{{locus="horizon",allele=1,of="ease",cost=0.1}}]',
        ],
        (
            "an allele's cost must be stated once, but genome.modifiers.1 states that of 1.0 at"
            " 'horizon' again"
        ),
    ),
    "half a ratio": (
        [f"{DRIVER}.ratio=[0.5]"],
        (
            "genome.drivers.0.ratio must be one number, or two: [eggs, sperm], but is [0.5]."
            " Write for example 0.5."
        ),
    ),
    "three ratios": (
        [f"{DRIVER}.ratio=[0.5,0.6,0.7]"],
        "genome.drivers.0.ratio must be one number, or two: [eggs, sperm], but is [0.5, 0.6, 0.7]",
    ),
    "a ratio in words": (
        [f'{DRIVER}.ratio="half"'],
        "genome.drivers.0.ratio must be one number, or two: [eggs, sperm], but is 'half'",
    ),
    "negative fitness": (
        [f"{DRIVER}.cost=1.5"],
        "must leave a fitness factor of at least 0, but 1 - cost is -0.5",
    ),
    "cost below 0": (
        [f"{DRIVER}.cost=-0.5"],
        "genome.drivers.0.cost must lie in [0, 1], but is -0.5",
    ),
    "dominance": (
        [f"{DRIVER}.dominance=2"],
        "genome.drivers.0.dominance must lie in [0, 1], but is 2",
    ),
    "cost to what": ([f'{DRIVER}.cost_to="luck"'], "genome.drivers.0.cost_to must"),
    "wild is the driver": (
        [f'{DRIVER}.wild="driver"'],
        "genome.drivers.0.wild must differ from the driving allele",
    ),
    "position": (
        ["genome.markers.t.position=-1"],
        "genome.markers.t.position must be at least 0 centimorgan",
    ),
    "marker named like a locus": (
        ['genome.markers.solo={alleles=["a","b"]}'],
        "a marker must have a name of its own, but 'solo'",
    ),
    "no meiosis": (
        ['optimizer.name="asexual"'],
        "genome.drivers must be empty where there is no meiosis, but optimizer 'asexual'",
    ),
    "haploid sexes": (
        ["genome.ploidy=1", "optimizer.sexes=2"],
        "optimizer.sexes must be 1 for haploids",
    ),
    "haploid ratios": (
        ["genome.ploidy=1", f"{DRIVER}.ratio=[0.5,0.9]"],
        "genome.drivers.0.ratio must be one number for haploids",
    ),
    "sexes": (["optimizer.sexes=3"], "optimizer.sexes must"),
    "no males": (
        ["optimizer.sexes=2", "optimizer.females=0.999"],
        "two sexes need a female and a male at least",
    ),
    "one cannot mate alone": (
        ["optimizer.selfing=false", "optimizer.population=1"],
        "optimizer.population must be at least 2",
    ),
    "unknown locus comes in": (
        ['optimizer.introductions.0.alleles={x="y"}'],
        "optimizer.introductions.0.alleles must name loci",
    ),
    "unknown allele comes in": (
        ['optimizer.introductions.0.alleles={t="y"}'],
        "optimizer.introductions.0.alleles.t must be one of",
    ),
    "too many come in": (
        ["optimizer.introductions.0.copies=5000"],
        "optimizer.introductions.0.copies must be at most all 1000 genomes",
    ),
    "before the beginning": (
        ["optimizer.introductions.0.generation=-1"],
        "optimizer.introductions.0.generation must be at least 0",
    ),
    "after the end": (
        ["optimizer.introductions.0.generation=600"],
        "optimizer.introductions.0.generation must be below 600",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_named(name: str) -> None:
    settings, message = MISTAKES[name]
    with pytest.raises(UserError) as error:
        build(resolve(apply_settings(read_experiment("coarse-drive"), settings)))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_one_allele_that_modifies_two_drivers_is_followed_once() -> None:
    made = setting(
        "coarse-drive",
        *quick("coarse-drive"),
        'genome.markers.u={alleles=["wild","driver"],mutation=0.0}',
        'genome.markers.sup={alleles=["none","a","b"],mutation=0.0}',
        'genome.drivers=[{locus="t",allele="driver",ratio=0.9},{locus="u",allele="driver",ratio=0.8}]',
        'genome.modifiers=[{locus="sup",allele="a",of="t",cost=0.1},{locus="sup",allele="a",of="u"},{locus="sup",allele="b",of="u"}]',
    )
    tables = simulate(made, Landscape(made), 0).tables
    search = tables["search"].filter(pl.col("generation") == 5)
    assert search["trait"].n_unique() == search.height
    alleles = (
        tables["alleles"]
        .filter((pl.col("locus") == "sup") & (pl.col("allele") == "a"))
        .sort("generation")["frequency"]
    )
    change = tables["search"].filter(pl.col("trait") == "sup: a")["change"].sum()
    assert change == pytest.approx(alleles[-1] - alleles[0], abs=1e-12)
    assert {"copies:sup:a", "copies:sup:b", "copies:t:driver"} <= set(tables["populations"].columns)
    rows = tables["populations"].filter(pl.col("moment") == "end")
    for allele in ("a", "b"):
        share = (rows[f"copies:sup:{allele}"] * rows["count"]).sum() / (2 * rows["count"].sum())
        here = (
            tables["alleles"]
            .filter((pl.col("locus") == "sup") & (pl.col("allele") == allele))
            .sort("generation")["frequency"]
        )
        assert share == pytest.approx(here[-1])


@pytest.mark.slow
def test_means_are_over_the_seeds_that_have_both_ends_of_a_step(tmp_path: Path) -> None:
    """Small populations, a strong driver: some runs die out before the swap, their fair controls do
    not.
    """
    experiment = resolve(
        apply_settings(
            read_experiment("drive-equilibrium"),
            [
                "replicates=30",
                "optimizer.population=12",
                "optimizer.introductions.0.copies=12",
                f"{DRIVER}.ratio=0.97",
                "phases.0.generations=6",
            ],
        )
    )
    recorded, _ = execute.run(experiment, out=tmp_path / "run")
    summary = accounts.analyze(recorded).summary
    ladder, hack = summary.ladder.ancestral, summary.hack
    died = hack.died_before_the_swap
    assert 0 < died["run"] < 30
    measured = hack.quantities.ancestral["hack"].n
    assert ladder.seeds == measured == 30 - died["run"] - died["fair"]
    assert ladder.steps["hack"] == pytest.approx(
        ladder.rungs["control"] - ladder.rungs["population"], abs=1e-12
    )
    assert ladder.steps["search"] == pytest.approx(
        ladder.rungs["best_ancestral"] - ladder.rungs["control"], abs=1e-12
    )
    ledger = summary.behaviour.ancestral
    # Of other seeds than the ladder where only a control died
    assert ledger.seeds == 30 - died["run"]
    shown = screen.accounts(summary_of(summary, replicates=30))
    for name, seeds in (("ladder", ladder.seeds), ("behaviour", ledger.seeds)):
        assert f"means over the {seeds} of 30 seeds" in str(
            getattr(shown[name][0], "caption", "")
        ), name
    told = Run(recorded).steps()
    # Acts are of the same seeds, and sum to the step
    for world, steps in summary.steps_by_act.items():
        for step, acts in steps.items():
            assert sum(acts.values()) == pytest.approx(
                summary.ladder.of(world).steps[step], abs=1e-12
            ), (world, step)
            mine = told.filter((pl.col("world") == world) & (pl.col("step") == step))
            assert mine["mean"].sum() == pytest.approx(sum(acts.values()), abs=1e-12)


def hack_summary(**values: list[float]) -> DriveSummary:
    """The part of a summary that holds the hack step, of one number a seed for each quantity."""
    estimates = {
        name: means_over_seeds.estimate(numbers, AnalysisChoice())
        for name, numbers in values.items()
    }
    quantities = MeasuredByWorld(estimates, {})
    return DriveSummary(
        quantities,
        hack_step.verdicts(quantities),
        (AlleleFrequency("driver", "drive", {"run": 0.4}),),
        {"run": 0},
    )


def told_of(hack: DriveSummary) -> str:
    return sentences.hack_words(summary_of(replace(some_account(), hack=hack), replicates=6))


SOME, NONE, LESS, WIDE = (
    [0.1, 0.12, 0.11, 0.13, 0.1],
    [0.0] * 5,
    [-0.1, -0.12, -0.11, -0.13, -0.1],
    [0.1, -0.12, 0.11, -0.03, 0.05],
)


NULL = [0.3, -0.4, 0.1, 0.5, -0.4]  # as wide as you like: it decides nothing


@pytest.mark.parametrize(
    ("hack", "behaviour", "wanted"),
    [
        (SOME, SOME, ["comes out", "comes out"]),
        (SOME, NONE, ["comes out", "undecided"]),  # seeds that agree give no interval
        (NONE, NONE, ["undecided", "undecided"]),
        (SOME, LESS, ["comes out", "does not come out"]),
        (WIDE, LESS, ["undecided", "does not come out"]),
        (LESS, WIDE, ["does not come out", "undecided"]),
        (SOME[:4], SOME[:4], ["undecided", "undecided"]),
    ],
)
def test_the_hack_step_is_judged_against_0(
    hack: list[float], behaviour: list[float], wanted: list[str]
) -> None:
    """The difference of two fair controls is 0 in expectation.

    Its own chance must not be counted a second time.
    """
    for null in (NULL, NONE, SOME):
        found = hack_summary(hack=hack, behaviour=behaviour, null=null, null_behaviour=null)
        assert [row.verdict for row in found.verdicts] == wanted
    assert [
        row.verdict for row in hack_summary(hack=hack, behaviour=behaviour).verdicts
    ] == wanted  # without any null


def test_a_true_hack_step_is_found_as_often_as_predicted() -> None:
    """Five seeds and an effect of two standard deviations: the null's interval must not take most
    of the power.
    """
    rng, out, alone = np.random.default_rng(3), 0, 0
    for _ in range(200):
        fair, again, run = rng.normal(0.0, 0.5**0.5, (3, 5))
        found = hack_summary(
            hack=list(fair - run + 2.0),
            behaviour=list(fair - run),
            null=list(again - fair),
            null_behaviour=list(again - fair),
        )
        out += found.verdicts[0].verdict == "comes out"
        interval = found.quantities.ancestral["hack"].interval
        assert interval
        alone += interval[0] > 0.0
    assert out == alone > 100


def test_words_on_the_hack_step_match_its_interval() -> None:
    of = {"own_cost": SOME, "null": NULL, "null_behaviour": NULL}
    comes = told_of(hack_summary(hack=SOME, behaviour=SOME, **of))
    assert "chance does" not in comes
    assert "No hack detected" not in comes
    assert "Two fair controls, which differ only by chance, differ by 0.02 [-0.4" in comes
    assert "; through behaviour by 0.02 [-0.4" in comes
    assert "an interval without 0" in told_of(
        hack_summary(hack=SOME, behaviour=SOME, **of | {"null": SOME})
    )
    assert "No hack detected: the interval of the step includes 0" in told_of(
        hack_summary(hack=WIDE, behaviour=SOME, **of)
    )
    assert "does not lower fitness here" in told_of(hack_summary(hack=LESS, behaviour=SOME, **of))
    assert "No part through behaviour detected" in told_of(
        hack_summary(hack=SOME, behaviour=WIDE, **of)
    )
    assert "Too few seeds" in told_of(hack_summary(hack=SOME[:4], behaviour=SOME[:4], **of))
    assert "All seeds agree" in told_of(hack_summary(hack=NONE, behaviour=NONE, **of))


def test_search_is_not_measured_where_the_fair_control_died() -> None:
    from evosim.analysis.ladder import FixedRungs, Reached, rungs_and_steps

    design = FixedRungs(
        {"optimum": 4.0, "best_for_intent": 3.0, "best_for_payoff": 3.0, "best_ancestral": 2.0}, {}
    )
    _, steps = rungs_and_steps(design, Reached(1.0, 1.5), None, has_control=True)
    assert steps["search"] is steps["hack"] is steps["load"] is None
    _, steps = rungs_and_steps(design, Reached(1.0, 1.5), None, has_control=False)
    assert steps["search"] == 1.0
    _, steps = rungs_and_steps(design, None, Reached(1.5, 1.5), has_control=True)
    assert (steps["search"], steps["hack"]) == (0.5, None)


def test_the_lineage_kernel_dies_where_the_optimizer_does() -> None:
    lethal = markers(None, drivers=(Driver("m0", "other", 1.0, 1.0, 1.0),))
    for founders, selfing in (
        (np.ones((4, 2, 1)), True),
        (np.array([[[0], [0]], *[[[1], [1]]] * 3]), False),
    ):
        census, _ = SOUND.replicates(lethal, founders.astype(np.uint8), 3, 5, selfing=selfing)
        assert not census.any()


def test_the_search_ledger_does_not_change_the_landscape() -> None:
    frames = []
    for ledger in ("true", "false"):
        made = setting("coarse-drive", *quick("coarse-drive", f"search_ledger={ledger}"))
        landscape = Landscape(made, max_classes=10, max_enumerated=10)
        simulate(made, landscape, 0)
        frames.append(landscape.frame())
    # Numbers of policies count up as they are met
    columns = [c for c in frames[0].columns if not c.endswith("_policy")]
    assert frames[0].select(columns).equals(frames[1].select(columns))
