"""The cue, and planners with a gate on it: kernels against the reference, neutrality by
construction, and messages.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from evosim.analysis.account import Accountant
from evosim.cli.main import app
from evosim.config.experiments import read_experiment
from evosim.config.resolve import Problem, build, resolve
from evosim.config.settings import apply_settings
from evosim.errors import UserError
from evosim.fitness import act_sets
from evosim.fitness import scorer as fitness_scorer
from evosim.fitness.landscape import Landscape
from evosim.fitness.scorer import Scorer
from evosim.genomes import (
    GATES,
    GENOMES,
    GatedRules,
    InvalidGenome,
    LocusParams,
    PlannerRules,
    WorldShape,
    second_objective_active,
)
from evosim.genomes.gated import Gated
from evosim.genomes.gated import build as build_gated
from evosim.reference import dynamic_programming
from evosim.reference.policies import policy_of
from evosim.runs.in_memory import replicate
from evosim.worlds import WORLDS, Cue, InvalidWorld, WorldPair, with_cue
from evosim.worlds.mixture import Member, mix_worlds
from tests.support.random_worlds import random_pair
from tests.support.settings import setting

SHAPE = WorldShape(
    ("warm", "sweet"), ("true", "old"), {"day": ("eat", "rest")}, lifespan=10, cue=True
)


def random_gated(
    pair: WorldPair, seed: int, n: int = 60, *, soft: bool = False, levels: int = 5
) -> GatedRules:
    rng = np.random.default_rng(seed)
    k = len(pair.ancestral.features)
    first = PlannerRules(
        weights=rng.integers(-1, 2, size=(n, k)).astype(float),
        horizon=rng.integers(1, levels + 1, size=n),
        belief=np.zeros(n, dtype=np.int64),
        temperature=rng.choice([0.0, 0.1], size=n) if soft else np.zeros(n),
        beliefs=("true",),
        discount=0.9,
        tie_tolerance=1e-5,
        ties="split",
        planning_cost=0.02,
        levels=levels,
    )
    second = dataclasses.replace(first, weights=rng.integers(-1, 2, size=(n, k)).astype(float))
    return GatedRules(first, second, rng.integers(0, len(GATES), size=n))


def told(seed: int, states: int = 6, acts: int = 4) -> WorldPair:
    """A random pair with a random cue, which may change within a life."""
    pair = random_pair(seed, states=states, acts=acts)
    return dataclasses.replace(pair, cue=np.random.default_rng(seed).random(states) < 0.5)


def test_a_cue_doubles_and_changes_nothing_else() -> None:
    plain, cued = (
        setting("micro"),
        setting("micro", "world.cue.ancestral_error=0.1", "world.cue.modern_error=0.3"),
    )
    n = len(plain.pair.ancestral.states)
    for which, share in (("ancestral", 0.1), ("modern", 0.7)):
        one, two = getattr(plain.pair, which), getattr(cued.pair, which)
        assert two.start[n:].sum() == pytest.approx(share, abs=1e-15)
        assert not two.transitions[:n, :, n:].any()
        assert not two.transitions[n:, :, :n].any()
        for half in (slice(n), slice(n, None)):
            np.testing.assert_array_equal(two.transitions[half, :, half], one.transitions)
            np.testing.assert_array_equal(two.payoff[half], one.payoff)
            np.testing.assert_array_equal(
                two.beliefs["ancestral"][half, :, half], one.beliefs["ancestral"]
            )
    assert cued.pair.cue is not None
    assert cued.pair.cue.tolist() == [False] * n + [True] * n
    assert set(cued.pair.options()) == set(cued.pair.classes)
    # A planner without a gate has the same fitness with and without the cue.
    classes = np.arange(plain.genome.grid.size)
    for which in ("ancestral", "modern"):
        values = [
            Scorer(getattr(x.pair, which), x.pair).score(x.genome.decode(classes)).payoff
            for x in (plain, cued)
        ]
        np.testing.assert_allclose(*values, atol=1e-12)


def test_a_reflex_sees_the_cue() -> None:
    made = setting("micro", "genome={name='reflex'}", "world.cue={}")
    assert len(made.genome.grid.loci) == 2 * 3


def test_digests_know_the_cue_and_files_without_one_keep_theirs() -> None:
    plain, cued, other = (
        resolve(apply_settings(read_experiment("micro"), s))
        for s in ([], ["world.cue={}"], ["world.cue.modern_error=0.1"])
    )
    assert len({plain.digest(), cued.digest(), other.digest()}) == 3
    assert "cue" not in plain.model_dump(mode="json")["world"]
    assert resolve(cued.model_dump(mode="json")).digest() == cued.digest()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            ("world.cue.ancestral_error=1.5",),
            "world.cue.ancestral_error must be less than or equal to 1, but is 1.5",
        ),
        (("world.cue.error=0.5",), "unknown key 'world.cue.error'"),
        (
            ("genome.name=gated",),
            "genome 'gated' needs a cue, but the world gives none. Add a table",
        ),
    ],
)
def test_mistakes_are_named(settings: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        setting("micro", *settings)


def test_a_second_cue_is_refused() -> None:
    with pytest.raises(InvalidWorld, match="world 'random' has a cue of its own"):
        with_cue(told(0), Cue())
    with pytest.raises(InvalidWorld, match=r"cue must have shape \(6,\), but has \(5,\)"):
        dataclasses.replace(told(0), cue=np.zeros(5, dtype=bool))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            Gated(second={"sour": LocusParams((0.0,))}),
            "genome.second must name features of the world .*, but has 'sour'",
        ),
        (
            Gated(second={"sweet": LocusParams(("a",))}),
            "genome.second.sweet.alleles must be numbers",
        ),
        (
            Gated(gate=LocusParams(("ajar",))),
            "genome.gate.alleles must be among closed, open, inverse, but has 'ajar'",
        ),
        (Gated(horizon=LocusParams((0.0,))), "whole steps from 1"),
    ],
)
def test_bad_gated_planners_are_named(params: Gated, message: str) -> None:
    with pytest.raises(InvalidGenome, match=message):
        build_gated(params, SHAPE)


def test_a_gated_planner_decodes_to_what_its_alleles_say() -> None:
    params = Gated(
        weights={"sweet": LocusParams((0.0, 2.0))},
        second={"warm": LocusParams((0.0, 1.0))},
        gate=LocusParams(("inverse", "closed")),
        ploidy=1,
    )
    genome = build_gated(params, SHAPE)
    rules = genome.decode(np.arange(genome.grid.size))
    assert [locus.name for locus in genome.grid.loci] == [
        "sweet",
        "horizon",
        "belief",
        "temperature",
        "second.warm",
        "gate",
    ]
    assert rules.first.weights[:, 1].tolist() == [0.0] * 4 + [2.0] * 4
    assert rules.second.weights[:, 0].tolist() == [0.0, 0.0, 1.0, 1.0] * 2
    assert not rules.second.weights[:, 1].any()
    assert [GATES[g] for g in rules.gate] == ["inverse", "closed"] * 4
    assert len({rules.key(i) for i in range(len(rules))}) == len(rules)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("states", "acts"), [(6, 4), (19, 11)])
def test_kernels_do_what_the_reference_does(seed: int, soft: bool, states: int, acts: int) -> None:
    pair = told(seed, states, acts)
    rules = random_gated(pair, seed, soft=soft)
    for world in (pair.ancestral, pair.modern):
        scorer = Scorer(world, pair)
        found, scores, there = scorer.policies(rules), scorer.score(rules), scorer.tables.states
        for i in range(len(rules)):
            policy = policy_of(rules, i, world, pair)
            if soft:
                np.testing.assert_allclose(found[i][:, there], policy[:, there], atol=1e-12)
            else:  # bit for bit: the same act sets
                np.testing.assert_array_equal(found[i][:, there], policy[:, there])
            assert scores.payoff[i] == pytest.approx(
                dynamic_programming.lifetime(world, policy, world.payoff), abs=1e-12
            )
            assert scores.intent[i] == pytest.approx(
                dynamic_programming.lifetime(world, policy, world.intent), abs=1e-12
            )


def test_blocks_and_company_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = told(3)
    rules = random_gated(pair, 3, 3000)
    whole = Scorer(pair.modern, pair).score(rules)
    alone = Scorer(pair.modern, pair).score(rules.take(np.arange(2990, 3000)))
    np.testing.assert_array_equal(whole.payoff[2990:], alone.payoff)
    np.testing.assert_array_equal(whole.policy[2990:], alone.policy)
    monkeypatch.setattr(fitness_scorer, "BLOCK_BYTES", 1)
    monkeypatch.setattr(fitness_scorer, "STORE_BYTES", 1)
    blocks = Scorer(pair.modern, pair).score(rules)
    np.testing.assert_array_equal(whole.payoff, blocks.payoff)
    np.testing.assert_array_equal(whole.policy, blocks.policy)


def test_a_gate_that_is_wired_wrongly_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        act_sets, "second_objective_active", lambda gate, cue: ~second_objective_active(gate, cue)
    )
    with pytest.raises(AssertionError):
        test_kernels_do_what_the_reference_does(0, False, 6, 4)


def test_closed_and_inverse_gates() -> None:
    pair = told(1)
    rules = random_gated(pair, 1)
    scorer = Scorer(pair.modern, pair)
    closed = scorer.score(dataclasses.replace(rules, gate=np.zeros_like(rules.gate)))
    np.testing.assert_array_equal(closed.payoff, scorer.score(rules.first).payoff)
    opened = scorer.score(dataclasses.replace(rules, gate=np.full_like(rules.gate, 1)))
    mirrored = scorer.score(GatedRules(rules.second, rules.first, np.full_like(rules.gate, 2)))
    np.testing.assert_array_equal(opened.policy, mirrored.policy)


def test_a_world_without_a_cue_is_refused() -> None:
    pair = random_pair(0)
    with pytest.raises(
        UserError, match=r"gated planners, which need a cue, but random .* has none"
    ):
        Scorer(pair.ancestral, pair).score(random_gated(pair, 0))


SMALL = (
    "genome.weights.ease.alleles=[0.0]",
    "genome.weights.company.alleles=[0.0, 0.5]",
    "genome.weights.young.alleles=[2.0]",
    "genome.horizon.alleles=[2, 3]",
    "genome.second.ease.alleles=[0.0]",
)


def gated(*settings: str) -> Problem:
    return setting("gated", *SMALL, *settings)


def test_the_cost_of_the_gate_is_proportional_to_cue_errors() -> None:
    """In A: fitness(open) = (1 - e) fitness(first) + e fitness(second), exactly; in M the first
    objective hardly matters.
    """
    made = gated()
    grid = made.genome.grid
    classes = np.arange(grid.size)
    digits = grid.digits(classes)
    gate = [locus.name for locus in grid.loci].index("gate")
    opened = digits.copy()
    opened[:, gate] = 1
    at = {
        e: Landscape(gated(f"world.cue.ancestral_error={e}")).fitness(classes)
        for e in (0.0, 0.02, 1.0)
    }
    partner = grid.from_digits(opened)
    np.testing.assert_array_equal(at[0.0].ancestral, at[0.0].ancestral[partner])
    expected = 0.98 * at[0.0].ancestral + 0.02 * at[1.0].ancestral
    np.testing.assert_allclose(at[0.02].ancestral[partner], expected[partner], atol=1e-12)
    assert np.ptp(at[0.0].modern) > 0.5


def test_an_account_of_gated_planners_closes() -> None:
    made = gated("optimizer.population=30", "phases.0.generations=6", "phases.1.generations=4")
    run = replicate(made, Landscape(made))
    steps = [
        run.numbers[f"ladder.modern.steps.{name}"]
        for name in ("representation", "specification", "shift", "search")
    ]
    rungs = [run.numbers[f"ladder.modern.rungs.{name}"] for name in ("optimum", "population")]
    assert sum(steps) == pytest.approx(rungs[0] - rungs[1], abs=1e-9)
    desires = run.tables["desires"]
    assert {"second.solo", "second.satiety", "pleasure"} <= set(desires["feature"])
    hidden = desires.filter(desires["feature"].str.starts_with("second."))
    # A perfect cue: nothing of it is acted on in A
    assert np.abs(hidden["gain_ancestral"].to_numpy()).max() == 0.0
    tables: dict[str, Any] = run.tables
    assert Accountant(made, tables, exact=True).fixed_rungs.modern.rungs["optimum"] == rungs[0]


def test_the_catalogue_has_it() -> None:
    assert "gated" in GENOMES
    assert build(resolve(read_experiment("gated"))).genome.name == "gated"


def test_show_comments_on_the_cue() -> None:
    shown = CliRunner().invoke(app, ["show", "gated"]).output
    assert "ancestral_error = 0.0  # share of ancestral lives with the cue 'modern'" in shown


def test_cues_and_mixtures_can_be_combined() -> None:
    pair = WORLDS["micro"].build(WORLDS["micro"].params(), {"safe_breeding": True})
    mixture = [Member("modern 1", 0.25, pair.modern, True)]
    told = with_cue(mix_worlds(pair, mixture), Cue(0.1, 0.0))
    assert told.ancestral.case_shares().tolist() == pytest.approx([0.75, 0.25])
    cued = with_cue(pair, Cue(0.1, 0.0))
    both = mix_worlds(cued, [Member("modern 1", 0.25, cued.modern, True)])
    assert both.cue is not None
    assert both.ancestral.start[both.cue].sum() == pytest.approx(0.75 * 0.1 + 0.25 * 1.0)
    assert told.cue is not None
    assert told.ancestral.start[told.cue].sum() == pytest.approx(0.1)
