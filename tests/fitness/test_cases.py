"""Cases: worlds of several start cases, families, and selection over cases or samples of them."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evosim.analysis.account import Accountant
from evosim.analysis.price_equation import closure
from evosim.config.differences import changes_from_packaged
from evosim.config.experiments import read_experiment
from evosim.config.landscape_search import landscape_digest
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.config.toml_out import to_commented_toml
from evosim.errors import Stop, UserError
from evosim.fitness.landscape import Landscape
from evosim.fitness.scorer import Scorer
from evosim.reference.dynamic_programming import lifetime, state_values
from evosim.reference.policies import policy_of
from evosim.reference.selection import case_weights
from evosim.runs import accounts, execute
from evosim.runs.checkpoints import ReplicateCheckpoint
from evosim.runs.in_memory import replicate
from evosim.runs.session import SessionOptions
from evosim.simulation.controls import controls_of
from evosim.simulation.loop import simulate
from evosim.tables.sentences import search_words
from evosim.worlds import InvalidWorld, TabularMdp
from tests.support.random_worlds import random_pair, random_policy
from tests.support.runs import once
from tests.support.settings import setting

MIX = 'world.mixture=[{share=0.2, world="modern"}, {share=0.1, world="ancestral", set={find=0.4}}]'
SMALL = ("optimizer.population=50", "phases.0.generations=8", "phases.1.generations=3")
MAZE = ("world.ancestral.mazes=3", "world.ancestral.size=3", "world.ancestral.not_red=0.3")


def cased(world: TabularMdp, case_of: list[int] | None, names: tuple[str, ...] = ()) -> TabularMdp:
    return dataclasses.replace(world, case_of=case_of, case_names=names)  # type: ignore[arg-type]


def test_the_value_of_a_world_is_the_mean_over_its_cases() -> None:
    world = cased(random_pair(0).ancestral, [0, 1, 0, 2, 1, 3], ("a", "b", "c", "nobody"))
    policy = random_policy(world, 1)
    values = world.case_starts() @ state_values(world, policy, world.payoff)[0]
    assert world.case_shares() @ values == pytest.approx(
        lifetime(world, policy, world.payoff), abs=1e-13
    )
    assert world.case_shares()[3] == 0.0
    assert not world.case_starts()[3].any()
    np.testing.assert_allclose(world.case_shares() @ world.case_starts(), world.start, atol=1e-15)
    assert random_pair(0).ancestral.case_shares().tolist() == [1.0]


@pytest.mark.parametrize(
    ("case_of", "names", "message"),
    [
        ([0, 1], (), "case_of must have shape"),
        ([0, 1, 2, 3, 4, -1], (), "case_of must name one of 5 cases"),
        ([0, 1, 2, 0, 0, 0], ("a", "b"), "case_of must name one of 2 cases"),
        ([0, 1, 1, 0, 0, 0], ("a", "a"), "case names must differ"),
        (None, ("a",), "case_of must be given"),
    ],
)
def test_what_is_no_case_is_refused(
    case_of: list[int] | None, names: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InvalidWorld, match=message):
        cased(random_pair(0).ancestral, case_of, names)


@pytest.mark.parametrize("temperature", ["[0.0]", "[0.0, 0.3]"])
def test_kernels_value_cases_as_the_reference_does(temperature: str) -> None:
    made = setting("micro", MIX, f"genome.temperature.alleles={temperature}")
    world = made.pair.ancestral
    classes = np.arange(made.genome.grid.size)
    rules = made.genome.decode(classes)
    plain, by_case = (
        Scorer(world, made.pair).score(rules),
        Scorer(world, made.pair, cases=True).score(rules),
    )
    np.testing.assert_array_equal(plain.payoff, by_case.payoff)
    np.testing.assert_array_equal(plain.intent, by_case.intent)
    np.testing.assert_array_equal(plain.policy, by_case.policy)
    np.testing.assert_allclose(
        by_case.payoff_by_case @ world.case_shares(), plain.payoff, atol=1e-13
    )
    for i in range(0, len(classes), 5):
        values = state_values(world, policy_of(rules, i, world, made.pair), world.payoff)[0]
        np.testing.assert_allclose(
            by_case.payoff_by_case[i], world.case_starts() @ values, atol=1e-12
        )


def test_cases_in_single_precision_are_within_their_bound() -> None:
    made = setting("maze", *MAZE)
    rules = made.genome.decode(np.arange(made.genome.grid.size))
    single, double = (
        Scorer(made.pair.ancestral, made.pair, precision=p, cases=True)
        for p in ("single", "double")
    )  # type: ignore[arg-type]
    apart = np.abs(single.score(rules).payoff_by_case - double.score(rules).payoff_by_case)
    assert apart.max() <= single.single_error


# Families


def test_a_world_mixed_with_itself_changes_nothing() -> None:
    plain, mixture = (
        setting("micro", *SMALL),
        setting("micro", *SMALL, 'world.mixture=[{share=0.5, world="ancestral"}]'),
    )
    assert len(mixture.pair.ancestral.states) == 2 * len(plain.pair.ancestral.states)
    one, two = Landscape(plain), Landscape(mixture)
    for column in ("ancestral", "ancestral_intent", "modern", "modern_intent"):
        np.testing.assert_allclose(one.frame()[column], two.frame()[column], atol=1e-14)
    a, b = replicate(plain, one), replicate(mixture, two)
    assert a.numbers.keys() == b.numbers.keys()
    for name, value in a.numbers.items():
        assert b.numbers[name] == pytest.approx(value, abs=1e-10), name


def test_a_share_of_nothing_is_the_plain_pair() -> None:
    plain, none = (
        setting("micro", *SMALL),
        setting("micro", *SMALL, 'world.mixture=[{share=0.0, world="modern"}]'),
    )
    assert none.pair.ancestral.states == plain.pair.ancestral.states
    a, b = (replicate(made, Landscape(made)) for made in (plain, none))
    assert a.numbers == b.numbers
    for name, table in a.tables.items():
        assert table.equals(b.tables[name]), name


def test_fitness_in_a_mixture_is_the_mixture_of_fitnesses() -> None:
    made = setting("micro", MIX)
    plain = Landscape(setting("micro")).frame()
    variant = Landscape(setting("micro", "world.ancestral.find=0.4")).frame()
    mixture = Landscape(made).frame()
    np.testing.assert_allclose(
        mixture["ancestral"],
        0.7 * plain["ancestral"] + 0.2 * plain["modern"] + 0.1 * variant["ancestral"],
        atol=1e-13,
    )
    np.testing.assert_allclose(mixture["modern"], plain["modern"], atol=1e-14)


def test_what_training_had_is_not_new() -> None:
    """The modern world's lives begin in the copies that stood for it.

    Breeding safely is new only to genomes that never met it.
    """
    kinds = {}
    for share in (0.0, 0.3):
        made = setting("micro", *SMALL, f'world.mixture=[{{share={share}, world="modern"}}]')
        numbers = replicate(made, Landscape(made)).numbers
        kinds[share] = {
            name.rpartition(".")[2]: value
            for name, value in numbers.items()
            if name.startswith("behaviour.modern.kinds.")
        }
        assert sum(kinds[share].values()) == pytest.approx(
            numbers["ladder.modern.rungs.optimum"] - numbers["ladder.modern.rungs.population"],
            abs=1e-12,
        )
    assert kinds[0.0]["novel"] > 1e-3
    assert kinds[0.3]["novel"] == 0.0


def test_what_show_prints_is_the_same_experiment() -> None:
    experiment = resolve(apply_settings(read_experiment("micro"), [MIX, "selection.over=worst"]))
    assert resolve(tomllib.loads(to_commented_toml(experiment))).digest() == experiment.digest()
    assert resolve(tomllib.loads(experiment.to_toml())).digest() == experiment.digest()


def test_all_of_training_may_be_modern() -> None:
    made = setting("micro", 'world.mixture=[{share=1.0, world="modern"}]')
    frame = Landscape(made).frame()
    np.testing.assert_allclose(
        frame["ancestral"], Landscape(setting("micro")).frame()["modern"], atol=1e-14
    )


# Selection


def test_selection_needs_cases_and_a_whole_grid() -> None:
    with pytest.raises(UserError, match=r"selection is over .* or add a \[\[world\.mixture\]\]"):
        setting("micro", "selection.over=worst")
    made = setting("micro", MIX, "selection.sample=2", "analysis.max_classes=10")
    with pytest.raises(UserError, match=r"allows at most 10 \(analysis\.max_classes\)"):
        Landscape(made)


def test_digests_without_selection_are_what_they_were() -> None:
    plain = resolve(read_experiment("micro"))
    assert (
        resolve(apply_settings(read_experiment("micro"), ["selection.tail=0.5"])).digest()
        == plain.digest()
    )
    assert plain.digest() == "e05de507f5533d42aea698e34295671e"
    other = resolve(apply_settings(read_experiment("micro"), [MIX, "selection.over=worst"]))
    assert other.digest() != plain.digest()
    assert landscape_digest(other) != landscape_digest(
        resolve(apply_settings(read_experiment("micro"), [MIX]))
    )


@pytest.mark.parametrize(
    "how",
    [
        ("selection.over=worst",),
        ("selection.over=cvar", "selection.tail=0.3"),
        ("selection.sample=2",),
        ("selection.sample=2", "selection.fresh=false"),
    ],
)
@pytest.mark.parametrize("optimizer", ["sexual", "asexual"])
def test_the_search_ledger_closes_and_says_what_sampling_did(
    how: tuple[str, ...], optimizer: str
) -> None:
    made = setting(
        "micro",
        MIX,
        *SMALL,
        *how,
        *(
            ()
            if optimizer == "sexual"
            else ("optimizer={name='asexual', population=50}", "genome.ploidy=1")
        ),
    )
    table = simulate(made, Landscape(made), 3).tables["search"]
    assert closure(table).abs().max() < 1e-12
    ancestral, modern = (
        table.filter(pl.col("selecting") == world) for world in ("ancestral", "modern")
    )
    assert ancestral["sampling"].null_count() == 0
    assert ancestral.filter(pl.col("trait") == "fitness in A")["sampling"].abs().max() > 1e-6
    assert modern["sampling"].null_count() == modern.height > 0


def test_selection_in_the_ledger_is_that_of_the_whole_world() -> None:
    """In the first generation the same founders live, so that selection is the same number whatever
    is selected by.
    """
    tables = {}
    for how in ("selection.over=mean", "selection.over=worst", "selection.sample=1"):
        made = setting("micro", MIX, *SMALL, how)
        tables[how] = (
            simulate(made, Landscape(made), 1).tables["search"].filter(pl.col("generation") == 1)
        )
    first, *others = tables.values()
    for other in others:
        np.testing.assert_allclose(first["selection"], other["selection"], atol=1e-14)
        assert (first["change"] != other["change"]).any()


def test_all_there_is_is_no_sample() -> None:
    """CVaR over all births is the mean: its sampling term and step are 0 to rounding."""
    made = setting("micro", MIX, *SMALL, "selection.over=cvar", "selection.tail=1.0")
    out = replicate(made, Landscape(made))
    assert out.tables["search"]["sampling"].abs().max() < 1e-14
    assert out.numbers["ladder.ancestral.steps.sampling"] == pytest.approx(0.0, abs=1e-14)


def telescopes(numbers: dict[str, float], names: tuple[str, ...]) -> None:
    for world in ("ancestral", "modern"):
        steps = sum(numbers.get(f"ladder.{world}.steps.{name}", 0.0) for name in names)
        lost = (
            numbers[f"ladder.{world}.rungs.optimum"] - numbers[f"ladder.{world}.rungs.population"]
        )
        assert steps == pytest.approx(lost, abs=1e-12)


BELOW = ("representation", "dominance", "specification", "shift", "sampling", "search")


@pytest.mark.parametrize(
    "how", [("selection.over=worst",), ("selection.sample=2", "selection.fresh=false")]
)
def test_the_ladder_of_a_fixed_sample(how: tuple[str, ...]) -> None:
    made = setting("micro", MIX, *SMALL, *how)
    landscape = Landscape(made)
    out = replicate(made, landscape)
    telescopes(out.numbers, BELOW)
    assert out.numbers["ladder.ancestral.steps.sampling"] >= 0.0
    # By brute force: of the classes that are best for what selection saw, the worst in each world.
    frame, choice = landscape.frame(), made.experiment.selection
    weights = case_weights(choice, made.pair.ancestral.case_shares(), 0, 0)
    cases = frame.select(pl.col("^case:.*$")).to_numpy()
    seen = cases.min(axis=1) if choice.over == "worst" else cases @ weights
    seen = np.where(frame["breeds_true"], seen, -np.inf)
    tied = seen >= seen.max() - 1e-12
    for world, column in (("ancestral", "ancestral"), ("modern", "modern_intent")):
        assert out.numbers[f"ladder.{world}.rungs.best_on_sample"] == pytest.approx(
            frame[column].to_numpy()[tied].min(), abs=1e-12
        )
    by_act = out.tables["steps"].group_by("world", "step").agg(pl.col("value").sum())
    for world, step, value in by_act.iter_rows():
        if world == "modern" or step in ("sampling", "search"):
            assert value == pytest.approx(out.numbers[f"ladder.{world}.steps.{step}"], abs=1e-10), (
                world,
                step,
            )


def test_the_ladder_of_fresh_samples_has_a_control() -> None:
    made = setting("micro", MIX, *SMALL, "selection.sample=1")
    assert set(controls_of(made.experiment)) == {"all_cases"}
    control = controls_of(made.experiment)["all_cases"]
    assert control.selection.plain
    out = replicate(made, Landscape(made))
    telescopes(out.numbers, BELOW)
    plain = setting("micro", MIX, *SMALL)
    alone = replicate(plain, Landscape(plain)).numbers
    for world in ("ancestral", "modern"):
        assert (
            out.numbers[f"ladder.{world}.rungs.all_cases"]
            == alone[f"ladder.{world}.rungs.population"]
        )
        assert out.numbers[f"ladder.{world}.steps.search"] == alone[f"ladder.{world}.steps.search"]
    unmeasured = setting("micro", MIX, *SMALL, "selection.sample=1", "controls=false")
    numbers = replicate(unmeasured, Landscape(unmeasured)).numbers
    assert not any(name.endswith(("steps.sampling", "steps.search")) for name in numbers)


def test_without_a_sample_nothing_is_said_of_one() -> None:
    made = setting("micro", *SMALL)
    out = replicate(made, Landscape(made))
    assert not any("sampl" in name for name in out.numbers)
    assert "sampling" not in out.tables["ladder"]["name"].to_list()


@pytest.mark.slow
def test_drivers_and_fresh_samples_at_once() -> None:
    made = setting(
        "coarse-drive",
        "optimizer.population=40",
        "phases.0.generations=8",
        "phases.1.generations=2",
        "optimizer.introductions.0.generation=2",
        'world.mixture=[{share=0.3, world="modern"}]',
        "selection.sample=1",
    )
    assert set(controls_of(made.experiment)) == {"fair", "fair_again", "absent", "all_cases"}
    out = replicate(made, Landscape(made))
    telescopes(out.numbers, (*BELOW, "hack"))


def test_a_planted_fault_in_the_cases_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    made = setting("micro", MIX, *SMALL, "selection.over=worst")
    landscape = Landscape(made)
    landscape._table.cases[:, 0] += 1e-6
    with pytest.raises(UserError, match=r"by case is \[.*\], but the reference code finds"):
        replicate(made, landscape)


@pytest.mark.parametrize("how", ["selection.sample=1", "selection.over=worst"])
def test_a_selected_run_goes_on_as_if_it_had_not_been_stopped(tmp_path: Path, how: str) -> None:
    made = setting("micro", MIX, *SMALL, how)
    whole = simulate(made, Landscape(made), 3)
    for g in (0, 3, 7, 8):
        path = tmp_path / f"{g}.npz"
        with pytest.raises(Stop):
            simulate(
                made,
                Landscape(made),
                3,
                session=ReplicateCheckpoint(path, SessionOptions(stop_requested=once(g))),
            )
        again = simulate(made, Landscape(made), 3, session=ReplicateCheckpoint(path))
        assert again.tables.keys() == whole.tables.keys()
        assert all(again.tables[name].equals(table) for name, table in whole.tables.items()), g


@pytest.mark.slow
def test_a_selected_run_on_disk(tmp_path: Path) -> None:
    for i, how in enumerate(
        (("selection.sample=2", "selection.fresh=false"), ("selection.sample=2",))
    ):
        experiment = resolve(
            apply_settings(read_experiment("micro"), [MIX, *SMALL, *how, "replicates=6"])
        )
        recorded, _ = execute.run(experiment, out=tmp_path / f"run{i}")
        account = accounts.analyze(recorded)
        assert account.summary.labels["sampling"].value is not None
        step = account.summary.ladder.ancestral.steps["sampling"]
        rung = "best_on_sample" if i == 0 else "all_cases"
        assert rung in account.summary.ladder.modern.rungs
        assert i or step >= 0.0


def test_what_was_added_is_not_said_to_be_removed() -> None:

    told = changes_from_packaged(
        resolve(apply_settings(read_experiment("maze"), ["world.mixture=[{share=0.02}]"]))
    )
    assert "world.mixture.0.share=0.02" in told
    assert not any("removed" in words for words in told)


def test_a_search_within_sampling_error_is_no_extinction() -> None:
    """Samples that are drawn again in each generation, and no control that was selected on all of
    A.
    """
    made = setting("micro", MIX, *SMALL, "selection.sample=2")
    landscape = Landscape(made)
    summary = (
        Accountant(
            made, simulate(made, landscape, 0).tables | {"landscape": landscape.frame()}, exact=True
        )
        .account()
        .summary
    )
    assert summary.ladder.ancestral.steps["search"] is None
    assert "some population lived to the swap" in search_words(summary)
