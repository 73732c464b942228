"""Searches of landscapes over real vectors (`evosim.worlds.tessellating_hills`).

`descend` takes gradient steps, `climb` random steps. Both write a row of `path` for the start and
after every `interval` evaluations. Columns 1 to 3 are x_0, distance from the x_0 axis, and loss.
Column 4 is the share of side directions in the squared steps since the last row. Columns 5 and 6
are the lowest loss so far, and x_0 there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evosim.kernels.compilation import serial

COLUMNS = 6


class Waves(NamedTuple):
    """A landscape. `d` dimensions, `N` side directions, `W` waves each.

    Attributes
    ----------
    epsilon : float
        Size of the side directions' loss.
    numbers : ndarray
        `[N, W, d]` wave vectors.
    sines, cosines : ndarray
        `[N, W]` amplitudes.
    reach : float
        Largest size of a coordinate.
    """

    epsilon: float
    numbers: np.ndarray
    sines: np.ndarray
    cosines: np.ndarray
    reach: float


class GradientRule(NamedTuple):
    """Steps down the gradient.

    Attributes
    ----------
    rate : float
        Length of a step, times that of the gradient unless `normalised`.
    normalised : bool
        Whether all steps have the same length.
    period : int
        Number of steps between restarts. 0: no restarts.
    """

    rate: float
    normalised: bool
    period: int


@serial
def loss_at(epsilon, numbers, sines, cosines, x):  # type: ignore[no-untyped-def]
    """Loss at a point `[d]`."""
    total = 0.0
    for n in range(numbers.shape[0]):
        splotch = 0.0
        for w in range(numbers.shape[1]):
            phase = 0.0
            for i in range(numbers.shape[2]):
                phase += numbers[n, w, i] * x[i]
            splotch += sines[n, w] * np.sin(phase) + cosines[n, w] * np.cos(phase)
        total += x[n + 1] * splotch
    return epsilon * total - x[0]


@serial
def gradient_at(epsilon, numbers, sines, cosines, x, out):  # type: ignore[no-untyped-def]
    """Loss at a point `[d]`, with its gradient written into `out [d]`."""
    total = 0.0
    out[:] = 0.0
    for n in range(numbers.shape[0]):
        splotch = 0.0
        for w in range(numbers.shape[1]):
            phase = 0.0
            for i in range(numbers.shape[2]):
                phase += numbers[n, w, i] * x[i]
            sine, cosine = np.sin(phase), np.cos(phase)
            splotch += sines[n, w] * sine + cosines[n, w] * cosine
            along = x[n + 1] * (sines[n, w] * cosine - cosines[n, w] * sine)
            for i in range(numbers.shape[2]):
                out[i] += along * numbers[n, w, i]
        out[n + 1] += splotch
        total += x[n + 1] * splotch
    for i in range(out.shape[0]):
        out[i] *= epsilon
    out[0] -= 1.0
    return epsilon * total - x[0]


@serial
def write_row(path, row, x, loss, aside, whole, best, best_x0):  # type: ignore[no-untyped-def]
    """One row of a path."""
    path[row, 0] = x[0]
    path[row, 1] = np.sqrt((x[1:] * x[1:]).sum())
    path[row, 2] = loss
    path[row, 3] = aside / whole if whole > 0.0 else 0.0
    path[row, 4] = best
    path[row, 5] = best_x0


@serial
def descend(waves, rule, noise, starts, interval, path):  # type: ignore[no-untyped-def]
    """Take one step for each row of `noise [steps, d]` down the gradient, from `starts[0]`.

    Restarts are at the next of `starts [n, d]`.
    """
    epsilon, numbers, sines, cosines, reach = waves
    steps = noise.shape[0]
    x = starts[0].copy()
    g = np.empty_like(x)
    aside, whole, best, best_x0, run = 0.0, 0.0, np.inf, 0.0, 0
    for t in range(steps + 1):
        if rule.period > 0 and t > 0 and t < steps and t % rule.period == 0:
            run += 1
            x[:] = starts[run]
        loss = gradient_at(epsilon, numbers, sines, cosines, x, g)
        if loss < best:
            best, best_x0 = loss, x[0]
        if t % interval == 0:
            write_row(path, t // interval, x, loss, aside, whole, best, best_x0)
            aside, whole = 0.0, 0.0
        if t == steps:
            break
        square = (g * g).sum()
        length = np.sqrt(square)
        scale = 1.0 / length if rule.normalised and length > 0.0 else 1.0
        aside += (square - g[0] * g[0]) * scale * scale
        whole += square * scale * scale
        for i in range(x.shape[0]):
            x[i] = min(max(x[i] - rule.rate * (scale * g[i] + noise[t, i]), -reach), reach)


@serial
def climb(waves, moves, patience, starts, interval, path):  # type: ignore[no-untyped-def]
    """Try each of `moves [evaluations, d]` from the current point. Accept it unless loss is higher.

    After `patience` evaluations without a lower loss, restart at the next of `starts [n, d]`. 0: no
    restarts.
    """
    epsilon, numbers, sines, cosines, reach = waves
    x = starts[0].copy()
    tried = np.empty_like(x)
    here = loss_at(epsilon, numbers, sines, cosines, x)
    aside, whole, best, best_x0, run, idle = 0.0, 0.0, here, x[0], 0, 0
    write_row(path, 0, x, here, 0.0, 0.0, best, best_x0)
    for t in range(1, moves.shape[0] + 1):
        restart = patience > 0 and idle >= patience and run + 1 < starts.shape[0]
        if restart:
            run, idle = run + 1, 0
            tried[:] = starts[run]
        else:
            for i in range(x.shape[0]):
                tried[i] = min(max(x[i] + moves[t - 1, i], -reach), reach)
        there = loss_at(epsilon, numbers, sines, cosines, tried)
        idle = 0 if there < here else idle + 1
        if restart or there <= here:
            if not restart:
                for i in range(x.shape[0]):
                    square = (tried[i] - x[i]) ** 2
                    whole += square
                    aside += square if i > 0 else 0.0
            x[:] = tried
            here = there
        if here < best:
            best, best_x0 = here, x[0]
        if t % interval == 0:
            write_row(path, t // interval, x, here, aside, whole, best, best_x0)
            aside, whole = 0.0, 0.0
