"""Optimizers that search landscapes over real vectors, at equal numbers of evaluations.

`search` is one run. It records a path: one row for the start and one for every so many evaluations.
The position of a population is the mean of its members.

* evaluation: the number of evaluations so far;
* x_0, aside: progress of the position along x_0, and its distance from the x_0 axis;
* loss: at the position; of a population, the mean loss of its members;
* share: share of side directions in the squares of the steps since the last row (of gradients
  without their noise);
* best, best_x_0: the lowest loss so far, and progress along x_0 there.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.optimizers.vector_params import Gradient, VectorClimb, VectorCma, VectorGenetic
from evosim.worlds import Hills

Floats = NDArray[np.float64]
COLUMNS = ("x_0", "aside", "loss", "share", "best", "best_x_0")
NOISE, STARTS, MOVES, MEMBERS = 1, 2, 3, 4  # streams of random numbers; the address is seed, stream


def search(hills: Hills, params: Any, evaluations: int, seed: int, every: int) -> pl.DataFrame:
    """Run a base optimizer from the origin.

    Parameters
    ----------
    hills : Hills
        The landscape.
    params
        Parameters of the optimizer. Their class decides which one it is.
    evaluations : int
        Number of evaluations of the loss.
    seed : int
        Seed of all random numbers.
    every : int
        Evaluations from one row to the next.

    Returns
    -------
    pl.DataFrame
        The path, with columns `seed`, `evaluation` and `COLUMNS`.
    """
    kinds: dict[type[Any], Callable[..., Floats]] = {
        Gradient: _gradient,
        VectorClimb: _climb,
        VectorCma: _cma,
        VectorGenetic: _genetic,
    }
    path = kinds[type(params)](hills, params, evaluations, seed, every)
    rows: dict[str, int | Floats | NDArray[np.int64]] = {
        "seed": seed,
        "evaluation": np.arange(len(path), dtype=np.int64) * every,
    }
    return pl.DataFrame(rows | dict(zip(COLUMNS, path.T, strict=True))).with_columns(
        pl.col("seed").cast(pl.Int64)
    )


def _rng(seed: int, stream: int) -> Any:
    return np.random.default_rng([seed, stream])


def _starts(hills: Hills, n: int, spread: float, seed: int) -> Floats:
    """Return starts `[n, d]`: the origin, then random points in the side directions."""
    out = _rng(seed, STARTS).uniform(-spread, spread, (n, hills.dimensions))
    out[0], out[:, 0] = 0.0, 0.0
    return np.asarray(out)


def _gradient(hills: Hills, params: Gradient, evaluations: int, seed: int, every: int) -> Floats:
    from evosim.kernels.real_vectors import GradientRule, Waves, descend

    d = hills.dimensions
    noise = _rng(seed, NOISE).standard_normal((evaluations, d)) * (params.noise / np.sqrt(d))
    runs = params.restarts + 1
    period = -(-evaluations // runs) if params.restarts else 0
    path = np.empty((evaluations // every + 1, len(COLUMNS)))
    rule = GradientRule(params.rate, params.normalised, period)
    starts = _starts(hills, runs, params.spread, seed)
    descend(Waves(*_arrays(hills)), rule, noise, starts, every, path)
    return path


def _climb(hills: Hills, params: VectorClimb, evaluations: int, seed: int, every: int) -> Floats:
    from evosim.kernels.real_vectors import Waves, climb

    d = hills.dimensions
    moves = _rng(seed, MOVES).standard_normal((evaluations, d)) * (params.step / np.sqrt(d))
    starts = _starts(
        hills, evaluations // params.patience + 2 if params.patience else 1, params.spread, seed
    )
    path = np.empty((evaluations // every + 1, len(COLUMNS)))
    climb(Waves(*_arrays(hills)), moves, params.patience, starts, every, path)
    return path


def _cma(hills: Hills, params: VectorCma, evaluations: int, seed: int, every: int) -> Floats:
    from evosim.optimizers.cma_strategy import CmaStrategy

    d = hills.dimensions
    strategy = CmaStrategy(np.zeros(d), params.step / float(np.sqrt(d)), params.population, seed)
    record = _Record(hills, evaluations, every)
    while record.left:
        points = np.clip(strategy.ask(), -hills.reach, hills.reach)
        loss = record.evaluate(points)
        if len(loss) == len(points):
            strategy.tell(points, -loss)
    return record.path


def _genetic(
    hills: Hills, params: VectorGenetic, evaluations: int, seed: int, every: int
) -> Floats:
    from deap import algorithms, base, tools

    from evosim.optimizers.global_rng import seeded

    d = hills.dimensions
    record = _Record(hills, evaluations, every)

    def evaluated(_: object, members: list[_Member]) -> list[tuple[float]]:
        """Evaluate members. After the last evaluation, raise `_Over`."""
        if not members:
            return []
        for member in members:
            member[:] = np.clip(member, -hills.reach, hills.reach)
        loss = record.evaluate(np.array(members))
        if record.left == 0:
            raise _Over
        return [(float(value),) for value in loss]

    step = params.step / float(np.sqrt(d))
    toolbox = base.Toolbox()
    toolbox.register("map", evaluated)
    toolbox.register("clone", _Member.copied)
    toolbox.register("evaluate", lambda member: member)
    toolbox.register("mate", tools.cxBlend, alpha=params.alpha)
    toolbox.register("mutate", tools.mutGaussian, mu=0.0, sigma=step, indpb=params.indpb)
    toolbox.register("select", tools.selTournament, tournsize=params.tournament)
    members = [
        _Member(x)
        for x in (_rng(seed, MEMBERS).standard_normal((params.population, d)) * step).tolist()
    ]
    with seeded(seed, MEMBERS), suppress(_Over):
        # A generation may evaluate no member, if none mates or mutates.
        algorithms.eaSimple(
            members, toolbox, params.cxpb, params.mutpb, 10 * evaluations, verbose=False
        )
    record.stand()
    return record.path


class _Over(Exception):
    """The last evaluation is done."""


class _Member(list[float]):
    """A member of the genetic algorithm's population."""

    def __init__(self, values: list[float]) -> None:
        super().__init__(values)
        self.fitness = _lower()()

    def copied(self) -> _Member:
        """Return a copy. DEAP's own way of copying takes half of the time of a run."""
        out = _Member(self)
        out.fitness.wvalues = self.fitness.wvalues
        return out


@cache
def _lower() -> Any:
    """Return a DEAP class of fitness that is minimized."""
    from deap import base

    return type("Lower", (base.Fitness,), {"weights": (-1.0,)})


class _Record:
    """Evaluates points up to a number of evaluations, and records the path.

    A row describes the last population that was evaluated completely.
    """

    def __init__(self, hills: Hills, evaluations: int, every: int) -> None:
        self.hills, self.left, self.every = hills, evaluations, every
        self.path = np.empty((evaluations // every + 1, len(COLUMNS)))
        origin = np.zeros((1, hills.dimensions))
        self._mean, self._best, self._best_x0 = origin[0], np.inf, 0.0
        self._done = self._rows = 0
        self._aside = self._all = 0.0
        self._step(origin, hills.loss(origin))
        self._write()

    def evaluate(self, points: Floats) -> Floats:
        """Return the losses of points, or of the first ones if fewer evaluations are left."""
        points = points[: self.left]
        loss = self.hills.loss(points)
        self.left -= len(points)
        self._done += len(points)
        self._step(points, loss)
        self._write()
        return loss

    def stand(self) -> None:
        """Fill the rest of the path with the current position: the search ended by itself."""
        self._done, self.left = self._done + self.left, 0
        self._write()

    def _step(self, points: Floats, loss: Floats) -> None:
        mean = points.mean(axis=0)
        squares = (mean - self._mean) ** 2
        self._aside += float(squares[1:].sum())
        self._all += float(squares.sum())
        self._mean, self._loss = mean, float(loss.mean())
        if loss.min() < self._best:
            self._best, self._best_x0 = float(loss.min()), float(points[loss.argmin(), 0])

    def _write(self) -> None:
        while self._rows * self.every <= self._done:
            share = self._aside / self._all if self._all > 0.0 else 0.0
            aside = float(np.sqrt((self._mean[1:] ** 2).sum()))
            self.path[self._rows] = (
                self._mean[0],
                aside,
                self._loss,
                share,
                self._best,
                self._best_x0,
            )
            self._rows += 1
            self._aside = self._all = 0.0


def _arrays(hills: Hills) -> tuple[Any, ...]:
    return hills.epsilon, hills.numbers, hills.sines, hills.cosines, hills.reach
