"""Tessellating Hills, what searches them, and the claim about demons."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from evosim.claims import demons
from evosim.claims.experiments import claim_experiment
from evosim.cli.main import app
from evosim.config.experiments import read_experiment
from evosim.config.landscape_search import build_landscape
from evosim.config.resolve import build, resolve
from evosim.config.settings import apply_settings
from evosim.errors import Interrupted, Stop, UserError
from evosim.kernels import real_vectors as kernels
from evosim.optimizers.params import InvalidOptimizer
from evosim.optimizers.real_vectors import MOVES, search
from evosim.optimizers.vector_params import (
    VECTOR_PARAMS,
    VECTOR_WHAT,
    Gradient,
    VectorClimb,
    VectorCma,
    VectorGenetic,
)
from evosim.runs.landscape_search import explore
from evosim.runs.reader import read_run
from evosim.runtime.timing import Clock
from evosim.worlds import LANDSCAPES, Hills, InvalidWorld
from tests.support.paths import ROOT

CLAIM = "claim-06-demons"


def hills(seed: int = 0, **params: Any) -> Hills:
    entry = LANDSCAPES["tessellating-hills"]
    return entry.build(entry.params(**params), seed)


def by_hand(h: Hills, x: list[float]) -> float:
    """The loss as the source writes it."""
    total = 0.0
    for n in range(1, len(x)):
        splotch = 0.0
        for w in range(h.numbers.shape[1]):
            phase = sum(k * at for k, at in zip(h.numbers[n - 1, w], x, strict=True))
            splotch += h.sines[n - 1, w] * np.sin(phase) + h.cosines[n - 1, w] * np.cos(phase)
        total += x[n] * splotch
    return float(-x[0] + h.epsilon * total)


def test_the_loss_is_what_the_source_says() -> None:
    h = hills(3, sides=5, waves=4)
    points = np.random.default_rng(0).normal(0.0, 5.0, (20, 6))
    assert np.allclose(h.loss(points), [by_hand(h, x) for x in points.tolist()], rtol=0, atol=1e-12)


def test_splotches_repeat_and_the_slope_does_not() -> None:
    h = hills(1)
    x = np.random.default_rng(1).normal(0.0, 3.0, (1, 17))
    further = x.copy()
    further[0, 0] += 2 * np.pi
    assert h.loss(further) == pytest.approx(h.loss(x) - 2 * np.pi, abs=1e-12)
    assert set(np.unique(h.numbers)) == {-2.0, -1.0, 0.0, 1.0, 2.0}


def test_the_gradient_is_that_of_the_loss() -> None:
    h = hills(2)
    points = np.random.default_rng(2).normal(0.0, 20.0, (5, 17))
    found, step = h.gradient(points), 1e-5
    for i in range(17):
        there, back = points.copy(), points.copy()
        there[:, i] += step
        back[:, i] -= step
        assert np.allclose(found[:, i], (h.loss(there) - h.loss(back)) / (2 * step), atol=1e-7)


def test_kernels_agree_with_the_world() -> None:
    h = hills(4)
    points = np.random.default_rng(3).normal(0.0, 20.0, (10, 17))
    arrays, out = (h.epsilon, h.numbers, h.sines, h.cosines), np.empty(17)
    for x, loss, gradient in zip(points, h.loss(points), h.gradient(points), strict=True):
        assert kernels.loss_at(*arrays, x) == pytest.approx(loss, abs=1e-11)
        assert kernels.gradient_at(*arrays, x, out) == pytest.approx(loss, abs=1e-11)
        assert np.allclose(out, gradient, atol=1e-11)


def test_a_gradient_run_is_the_recursion() -> None:
    """Without noise, the run equals the recursion in NumPy: normalised steps down the gradient."""
    h, params = hills(5), Gradient(noise=0.0)
    x = np.zeros((1, 17))
    for _ in range(300):
        g = h.gradient(x)
        x = x - 0.2 * g / np.linalg.norm(g)
    last = search(h, params, 300, 5, 100).row(-1, named=True)
    assert last["x_0"] == pytest.approx(x[0, 0], abs=1e-9)
    assert last["loss"] == pytest.approx(h.loss(x)[0], abs=1e-9)
    assert last["aside"] == pytest.approx(np.linalg.norm(x[0, 1:]), abs=1e-9)


def test_a_climb_is_steps_that_are_not_worse() -> None:
    """As in NumPy: moves are taken unless the loss is higher, so the current point is the best."""
    h, x = hills(6), np.zeros((1, 17))
    moves = np.random.default_rng([6, MOVES]).standard_normal((300, 17)) * (0.2 / np.sqrt(17))
    for move in moves:
        if h.loss(x + move)[0] <= h.loss(x)[0]:
            x = x + move
    last = search(h, VectorClimb(), 300, 6, 100).row(-1, named=True)
    assert last["x_0"] == pytest.approx(x[0, 0], abs=1e-9)
    assert last["x_0"] == last["best_x_0"] > 3.0
    assert last["loss"] == last["best"] == pytest.approx(h.loss(x)[0], abs=1e-9)


ALL = [
    Gradient(),
    Gradient(restarts=3),
    VectorClimb(),
    VectorClimb(patience=10),
    VectorCma(),
    VectorGenetic(population=20),
]


@pytest.mark.parametrize("params", ALL, ids=str)
def test_contract_of_searches(params: Any) -> None:
    """The seed decides the results, and the global generators stay untouched.

    Evaluations are counted, and the best point was evaluated.
    """
    h = hills(0, reach=30.0)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    before = (random.getstate(), np.random.get_state()[1].tolist())  # type: ignore[index]  # noqa: NPY002
    a, b, c = (search(h, params, 600, seed, 20) for seed in (7, 7, 8))
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # type: ignore[index]  # noqa: NPY002
    assert a.equals(b)
    assert not a.drop("seed").equals(c.drop("seed"))
    assert a["evaluation"].to_list() == list(range(0, 601, 20))
    assert np.isfinite(a.to_numpy()).all()
    assert (np.diff(a["best"].to_numpy()) <= 0).all()
    assert a["best_x_0"].abs().max() <= 30.0
    assert a["share"].is_between(0.0, 1.0).all()


def test_evaluations_are_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches that ask in batches get as many losses as they were given, and not one more."""
    asked = []
    loss = Hills.loss

    def counted(self: Hills, points: Any) -> Any:
        asked.append(len(points))
        return loss(self, points)

    monkeypatch.setattr(Hills, "loss", counted)
    for params in (VectorCma(), VectorGenetic(population=30)):
        asked.clear()
        search(hills(), params, 500, 0, 10)
        assert sum(asked) - 1 == 500  # the first is the origin's row


def test_flat_ground_is_crossed_at_full_speed() -> None:
    ends = [search(hills(s, epsilon=0.0), Gradient(), 5000, s, 500)["x_0"][-1] for s in range(10)]
    assert np.allclose(ends, 1000.0, atol=15.0)
    assert search(hills(epsilon=0.0), Gradient(noise=0.0), 5000, 0, 500)["x_0"][
        -1
    ] == pytest.approx(1000.0, abs=1e-9)


def test_demons_stop_the_gradient() -> None:
    """20 runs lie in the bands of an independent program (60 seeds: mean 452, deviation 106)."""
    table = pl.concat([search(hills(s), Gradient(), 5000, s, 10) for s in range(20)])
    ends = demons.matrix(table, "x_0")[:, -1]
    assert 452 - 4 * 106 / np.sqrt(20) < ends.mean() < 452 + 4 * 106 / np.sqrt(20)
    assert demons.stuck(table, 0.2).all()
    assert 1400 < np.median(demons.half_speed_steps(table, 0.2)) < 2500
    share = demons.matrix(table, "share")
    assert share[:, 1:51].mean() < 0.05
    assert share[:, -50:].mean() > 0.8


def test_without_splotches_growing_with_distance_no_demon_feeds() -> None:
    """Hills that stay as small as they are near the start trap no search."""
    flat = hills(0, epsilon=0.0025 / 80)
    assert not demons.stuck(search(flat, Gradient(), 5000, 0, 10), 0.2).any()


@pytest.mark.slow
def test_paths_of_the_claim() -> None:
    experiment = resolve(
        apply_settings(read_experiment(CLAIM), ["replicates=6", "phases.0.generations=500"])
    )
    tables = {part.name: part.make(*part.arguments) for part in demons.parts(experiment)}
    found = demons.measure(tables, experiment)
    assert experiment.claim is not None
    missing = {p.quantity for p in experiment.claim.predictions} - set(found)
    # Which are named by the run's length
    assert all(name.startswith("speed in steps") for name in missing)
    assert found["progress without hills"].value == pytest.approx(100.0, abs=5.0)
    assert len(demons.stored_tables(tables, experiment)["ends"]) == 6 * len(tables)
    for chart in demons.figures(tables, experiment).values():
        chart.to_dict()


def test_predictions_are_of_what_is_measured() -> None:
    names = {p.quantity for p in claim_experiment(CLAIM, "full").claim.predictions}  # type: ignore[union-attr]
    assert {n for n in names if n.startswith("speed")} == {
        "speed in steps 0-2500",
        "speed in steps 2500-4000",
        "speed in steps 4000-5000",
    }


def test_speeds_of_a_path_made_by_hand() -> None:
    """1 a step to the middle, then nothing."""
    x = [0.0, 10.0, 20.0, 30.0, 40.0, 50.0] + [50.0] * 5
    table = pl.DataFrame({"seed": 0, "x_0": x, "evaluation": range(0, 110, 10)})
    assert demons.speed(table, 0.0, 0.5).tolist() == [1.0]
    assert demons.speed(table, 0.5, 1.0).tolist() == [0.0]
    assert demons.stuck(table, 1.0).tolist() == [True]
    # 0.3 a step
    at_the_end = pl.DataFrame(
        {"seed": 0, "x_0": np.cumsum([0.0] * 10 + [3.0]), "evaluation": range(0, 110, 10)}
    )
    assert demons.stuck(at_the_end, 1.0).tolist() == [False]
    assert demons.stuck(at_the_end, 1.3).tolist() == [True]
    assert demons.half_speed_steps(table, 1.0).tolist() == [60.0]
    assert demons.half_speed_steps(table, 0.0).tolist() == [np.inf]


MISTAKES = [
    ("world.name=tessellating-hill", "Did you mean 'tessellating-hills'?"),
    ("world.modern={sides=3}", "world.modern must be empty"),
    ('genome={name="planner"}', "but world 'tessellating-hills' needs vectors"),
    ("world.ancestral.side=3", "Did you mean 'world.ancestral.sides'?"),
    ("optimizer.name=sexual", "optimizer.name must be one of cma-es"),
    ("optimizer.rates=0.1", "Did you mean 'optimizer.rate'?"),
    ("optimizer.rate=0.0", "optimizer.rate must lie in"),
    ("phases.0.generations=900000000", "at most 200,000,000 random numbers"),
    (
        'phases=[{world="ancestral",generations=2},{world="modern",generations=2}]',
        "phases must be one ancestral phase",
    ),
]


@pytest.mark.parametrize(("setting", "words"), MISTAKES)
def test_mistakes_are_one_line(setting: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        resolve(apply_settings(read_experiment(CLAIM), [setting]))
    assert "\n" not in str(caught.value)


def test_a_landscape_is_not_run_as_a_world_pair() -> None:
    experiment = resolve(read_experiment(CLAIM))
    with pytest.raises(UserError, match="evosim claims claim-06-demons"):
        build(experiment)
    landscape, params = build_landscape(experiment, 3)
    assert landscape.dimensions == 17
    assert params == Gradient()
    with pytest.raises(UserError, match=r"world.ancestral.sides must lie in \[1, 500\]"):
        build_landscape(
            resolve(apply_settings(read_experiment(CLAIM), ["world.ancestral.sides=0"])), 0
        )
    with pytest.raises(InvalidWorld, match="epsilon must be at least 0"):
        hills(epsilon=-1.0)
    with pytest.raises(InvalidOptimizer, match="patience"):
        VectorClimb(patience=-1)
    assert VECTOR_PARAMS.keys() == VECTOR_WHAT.keys()


def test_gradients_are_refused_on_grids() -> None:
    with pytest.raises(UserError, match="has a grid of alleles") as caught:
        resolve(apply_settings(read_experiment("micro"), ['optimizer={name="gradient"}']))
    assert "\n" not in str(caught.value)


def command(*words: str) -> Any:
    return CliRunner().invoke(app, words, catch_exceptions=True)


@pytest.mark.slow
def test_the_command_line_shows_and_runs(tmp_path: Path) -> None:
    assert "epsilon = 0.0025  # loss" in command("show", CLAIM).stdout
    folder = tmp_path / "run"
    words = (
        "run",
        CLAIM,
        "--out",
        str(folder),
        "--replicates",
        "2",
        "--set",
        "phases.0.generations=200",
        "--json",
    )
    first, again = (json.loads(command(*words).stdout) for _ in range(2))
    assert (first["shown_again"], again["shown_again"]) == (False, True)
    assert first["search"] == again["search"]
    assert [first["search"][0][end] for end in ("low", "high", "n")] == [None, None, 2]
    assert "already holds this run" in command(*words[:-1]).stdout
    table = pl.read_parquet(folder / "tables" / "paths.parquet")
    text = (ROOT / "docs" / "hills.md").read_text(encoding="utf-8")
    assert all(f"`{column}`" in text for column in table.columns if column != "seed")
    assert table.filter(pl.col("seed") == 1).equals(search(hills(1), Gradient(), 200, 1, 1))
    assert sorted(path.name for path in (folder / "figures").iterdir()) == [
        f"{name}.{kind}" for name in ("demon", "paths") for kind in ("pdf", "png", "svg")
    ]
    with pytest.raises(UserError, match="is the folder of a landscape search"):
        read_run(folder)
    (folder / "summary.json").write_text("{}")
    assert "must be what was written" in str(command(*words).exception)
    assert json.loads(command(*words, "--force").stdout)["search"] == first["search"]


def test_a_search_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    experiment = resolve(
        apply_settings(read_experiment(CLAIM), ["replicates=3", "phases.0.generations=100"])
    )
    asked = iter([None, Stop("SIGTERM", 143)])
    with pytest.raises(Interrupted, match="begins again") as caught:
        explore(
            experiment,
            out=tmp_path / "run",
            force=False,
            figures=False,
            clock=Clock(),
            stop_requested=lambda: next(asked),
        )
    assert caught.value.code == 143
    assert list(tmp_path.iterdir()) == []
    assert explore(experiment, out=tmp_path / "run", force=False, figures=False, clock=Clock())[1]


@pytest.mark.parametrize(
    "given",
    [
        "selection.sample=2",
        'selection.over="worst"',
        "world.cue={}",
        "world.mixture=[{share=0.1}]",
        'analysis.family=[{name="x",set={a=1}}]',
        "snapshots=[1]",
    ],
)
def test_what_means_nothing_on_a_landscape_is_refused(given: str) -> None:
    with pytest.raises(UserError, match="is given, but the landscape 'tessellating-hills' has no"):
        resolve(apply_settings(read_experiment("claim-06-demons"), [given]))
