"""Names that the accounts use for something else are refused before a run.

Genomes for which a world has nothing are also refused.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from evosim import worlds
from evosim.cli.main import app
from evosim.config.experiments import read_experiment
from evosim.config.resolve import ACTS_TAKEN, LOCI_TAKEN, build, resolve
from evosim.errors import UserError, unknown
from evosim.genomes.gated import Gated
from evosim.genomes.gated import build as build_gated
from evosim.genomes.loci import LocusParams
from evosim.genomes.planner import Planner
from evosim.genomes.planner import build as build_planner
from evosim.genomes.shape import WorldShape
from evosim.worlds import micro

ACTS = ("eat", "breed", "amuse", "display", "lie")
FEATURES = ("fullness", "pleasure", "vanity", "toil", "offspring")


def renamed(**new: Any) -> Any:
    """Micro's entry with other names in both worlds."""

    def make(params: Any, modern: Any) -> worlds.WorldPair:
        pair = micro.build(params, modern)
        a, m = (dataclasses.replace(world, **new) for world in (pair.ancestral, pair.modern))
        return worlds.WorldPair("micro", a, m, pair.observe, pair.classes, a.acts[-1], {})

    return dataclasses.replace(worlds.WORLDS["micro"], build=make)


def weighted(*features: str) -> dict[str, Any]:
    """Micro with a planner that has these weights."""
    tree = read_experiment("micro")
    return tree | {
        "genome": {
            "name": "planner",
            "weights": {name: {"alleles": [0.0, 1.0]} for name in features},
        }
    }


@pytest.mark.parametrize("name", ACTS_TAKEN)
def test_an_act_that_is_a_row_of_the_accounts_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An act `upkeep` was overwritten by what genomes pay for themselves."""
    monkeypatch.setitem(worlds.WORLDS, "micro", renamed(acts=(name, *ACTS[1:])))
    with pytest.raises(
        UserError,
        match=(
            rf"an act of world 'micro' cannot have the name '{name}', .* for example to 'my {name}'"
        ),
    ):
        build(resolve(weighted("pleasure")))


@pytest.mark.parametrize("name", LOCI_TAKEN)
def test_a_locus_that_is_a_row_or_a_column_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A feature `fitness in A` was summed with fitness in the search ledger; `count` is a column of
    populations.
    """
    monkeypatch.setitem(worlds.WORLDS, "micro", renamed(features=(name, *FEATURES[1:])))
    with pytest.raises(UserError, match=rf"a locus of the genome cannot have the name '{name}'"):
        build(resolve(weighted(name)))


def test_a_marker_that_is_a_row_is_refused() -> None:
    tree = weighted("pleasure")
    tree["genome"]["markers"] = {"seed": {"alleles": ["a", "b"]}}
    with pytest.raises(UserError, match="a locus of the genome cannot have the name 'seed'"):
        build(resolve(tree))


def test_acts_that_are_shown_alike_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures and screens write underscores as spaces, and added up the two."""
    monkeypatch.setitem(worlds.WORLDS, "micro", renamed(acts=("eat it", "eat_it", *ACTS[2:])))
    with pytest.raises(
        UserError, match=r"'eat it' and 'eat_it' are both shown as 'eat it'. Rename one"
    ):
        build(resolve(weighted("pleasure")))


def shape(*features: str) -> WorldShape:
    return WorldShape(features, ("true",), {"all": ("go",)}, 4, cue=True)


ONE = LocusParams((0.0, 1.0))


@pytest.mark.parametrize("feature", ["horizon", "belief", "temperature", "gate"])
def test_a_feature_named_like_another_locus_is_refused(feature: str) -> None:
    """Its weight was read from that locus."""
    for params, made in (
        (Planner(weights={"fa": ONE}), build_planner),
        (Gated(weights={"fa": ONE}), build_gated),
    ):
        with pytest.raises(Exception, match=f"a feature must not be called '{feature}'"):
            made(params, shape("fa", feature))  # type: ignore[operator]


def test_a_marker_or_feature_that_is_another_s_weight_is_refused() -> None:
    marker = LocusParams(("a", "b"))
    with pytest.raises(Exception, match="'fb' is a feature of the world"):
        build_planner(Planner(weights={"fa": ONE}, markers={"fb": marker}), shape("fa", "fb"))
    with pytest.raises(Exception, match=r"'second\.' must begin no name"):
        build_gated(Gated(second={"fa": ONE}), shape("fa", "second.fa"))


@pytest.mark.parametrize(("made", "params"), [(build_planner, Planner), (build_gated, Gated)])
@pytest.mark.parametrize("weights", [{}, {"fa": ONE}])
def test_a_planner_without_features_is_refused_with_a_remedy(
    made: Any, params: Any, weights: Any
) -> None:
    with pytest.raises(
        Exception,
        match=(
            r"this world has no features for a planner to want, .* Set genome\.name = \"reflex\"\.$"
        ),
    ):
        made(params(weights=weights), shape())


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_such_a_run_leaves_no_folder(
    more: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(params: Any, modern: Any) -> worlds.WorldPair:
        pair = micro.build(params, modern)
        none = {"features": (), "features_felt": np.zeros((*pair.ancestral.payoff.shape, 0))}
        a, m = (dataclasses.replace(world, **none) for world in (pair.ancestral, pair.modern))
        return worlds.WorldPair("micro", a, m, pair.observe, pair.classes, a.acts[-1], {})

    monkeypatch.setitem(
        worlds.WORLDS, "micro", dataclasses.replace(worlds.WORLDS["micro"], build=make)
    )
    with pytest.raises(UserError, match=r"Set genome\.name"):
        CliRunner().invoke(
            app,
            [
                "run",
                "micro",
                "--set",
                'genome={name="planner"}',
                "--out",
                str(tmp_path / "run"),
                *more,
            ],
            catch_exceptions=False,
        )
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_known_where_there_is_nothing_says_so() -> None:
    assert str(unknown("a figure", "x", [])).endswith(
        "is 'x', but there is none to choose from. Leave it out."
    )
