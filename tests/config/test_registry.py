"""Worlds and genomes by name, with those of an installed package."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path

import numpy as np
import pytest

from evosim.config import registry
from evosim.config.resolve import build, resolve
from evosim.config.toml_out import to_commented_toml
from evosim.errors import UserError
from evosim.fitness.scorer import Scorer
from tests.support.example_package import EXAMPLE, install, tree


def test_an_installed_world_is_a_world(site: Path) -> None:
    resolved = resolve(tree())
    assert resolved.world.ancestral == {"fair": 0.5, "throws": 3}
    made = build(resolved)
    worth = Scorer(made.pair.ancestral, made.pair).score(made.genome.decode(np.arange(1)))
    assert worth.payoff[0] == pytest.approx(0.75)  # wants nothing, so it throws every other time
    assert resolve(tomllib.loads(to_commented_toml(resolved))) == resolved
    assert "coin" in registry.names("world")
    assert registry.offered("world")["coin"] == "a coin is thrown (coin-worlds 1.2)"


def test_an_installed_genome_is_a_genome(site: Path) -> None:
    made = build(resolve(tree("lazy")))
    assert made.genome.grid.size == 1
    assert registry.offered("genome")["lazy"].endswith("(coin-worlds 1.2)")


def test_without_it_the_name_is_unknown() -> None:
    with pytest.raises(UserError, match=r"world\.name must be one of .*, but is 'coin'"):
        resolve(tree())


def test_two_packages_may_not_offer_one_name(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        tmp_path / "other",
        EXAMPLE,
        "other-worlds",
        "3",
        "[evosim.worlds]\ncoin = coin_worlds:COIN\n",
    )
    monkeypatch.syspath_prepend(str(tmp_path / "other"))
    importlib.invalidate_caches()
    with pytest.raises(
        UserError,
        match=(
            r"'coin' is offered by several packages: coin-worlds 1\.2 and other-worlds 3\."
            r" Run 'pip uninstall other-worlds'"
        ),
    ):
        resolve(tree())


def test_own_names_cannot_be_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(
        tmp_path / "thief", EXAMPLE, "thief", "1", "[evosim.worlds]\nmicro = coin_worlds:COIN\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path / "thief"))
    importlib.invalidate_caches()
    assert registry.world("micro").params.__module__ == "evosim.worlds.micro"
