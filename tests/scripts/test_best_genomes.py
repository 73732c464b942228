"""The best genomes of studies breed true: those of a diploid grid are those of its haploid twin."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest

from evosim.claims.experiments import build_packaged
from evosim.config.resolve import Problem
from evosim.fitness.landscape import Landscape
from tests.support.heterozygotes import HETEROZYGOTE_IS_BEST

STUDIES = Path(__file__).resolve().parents[2] / "scripts" / "studies"
NAMES = ("horizon", "merged_states", "robustness")
SMALL = [
    *HETEROZYGOTE_IS_BEST,
    "optimizer.population=20",
    "phases.0.generations=2",
    "phases.1.generations=1",
]


@pytest.fixture
def study(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A study whose experiments are small."""
    monkeypatch.syspath_prepend(str(STUDIES))
    yield importlib.import_module(request.param)
    for name in NAMES:
        sys.modules.pop(name, None)


def small(study: ModuleType, monkeypatch: pytest.MonkeyPatch, ploidy: int) -> Problem:
    settings = [*SMALL, f"genome.ploidy={ploidy}"]

    def build(name: str, *others: str) -> Problem:
        return build_packaged(name, *others, *settings)

    monkeypatch.setattr(study, "build_packaged", build)
    return build("coarse-savanna")


def of_both(study: ModuleType, monkeypatch: pytest.MonkeyPatch, measure: Any) -> list[Any]:
    """Measurements of a study on the haploid and on the diploid grid."""
    return [measure(small(study, monkeypatch, ploidy)) for ploidy in (1, 2)]


def test_a_heterozygote_is_best_on_the_small_grid() -> None:
    frame = Landscape(build_packaged("coarse-savanna", *SMALL)).frame()
    for world in ("ancestral", "modern"):
        best, best_true = frame[world].max(), frame.filter("breeds_true")[world].max()
        assert best > 1.2 * best_true  # type: ignore[operator]


@pytest.mark.parametrize("study", ["horizon"], indirect=True)
def test_horizon(study: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, values in (("GESTATIONS", (3,)), ("CAPS", (3,)), ("SEEDS", range(1))):
        monkeypatch.setattr(study, name, values)
    haploid, diploid = of_both(study, monkeypatch, lambda _: study.enumerated())
    assert haploid.equals(diploid)
    small(study, monkeypatch, 2)
    monkeypatch.setattr(study, "evolve", lambda problem, *_: [_run(problem)])
    assert study.evolved()["share"].to_list() == [1.0]


def _run(problem: Problem) -> Any:
    """A run whose population is the best genome in M that breeds true."""
    best = Landscape(problem).frame().filter("breeds_true")["modern"].max()
    when = {"generation": [problem.experiment.swap - 1]}
    tables = {
        "generations": pl.DataFrame(when | {"modern_mean": [best]}),
        "loci": pl.DataFrame(when | {"locus": ["horizon"], "mean": [3.0]}),
    }
    return type("Run", (), {"tables": tables})


@pytest.mark.parametrize("study", ["merged_states"], indirect=True)
def test_merged_states(study: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(problem: Problem) -> dict[str, float]:
        # A drawing for which the step of all genotypes would be 0.125
        groups = study.groups_of(problem.pair.ancestral, 0.8, "any other state", 2)
        found: dict[str, float] = study.steps(problem, groups)
        return found

    haploid, diploid = of_both(study, monkeypatch, measure)
    assert haploid == pytest.approx(diploid, abs=1e-12)


@pytest.mark.parametrize("study", ["robustness"], indirect=True)
def test_robustness(study: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "SEEDS", range(2))
    haploid, diploid = of_both(study, monkeypatch, lambda _: study.row("small", []))
    for name in ("best_in_A", "R2", "R3_min_over_R2", "R3_max_over_R2"):
        assert haploid[name] == pytest.approx(diploid[name], abs=1e-12)
