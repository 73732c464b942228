"""Kernels of search on hills (`evosim.worlds.tessellating_hills`): gradient and random steps.

Both write a row of `path` for the start and after every `every` evaluations: x_0, distance from the
x_0 axis, loss, share of side directions in the squares of the steps since the last row, lowest loss
so far, and x_0 there.
"""

from __future__ import annotations

import numpy as np

from evosim.kernels.compilation import serial

COLUMNS = 6


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
def write_row(path, row, x, loss, aside, all_of_it, best, best_x0):  # type: ignore[no-untyped-def]
    """One row of a path."""
    path[row, 0] = x[0]
    path[row, 1] = np.sqrt((x[1:] * x[1:]).sum())
    path[row, 2] = loss
    path[row, 3] = aside / all_of_it if all_of_it > 0.0 else 0.0
    path[row, 4] = best
    path[row, 5] = best_x0


@serial
def descend(  # type: ignore[no-untyped-def]
    epsilon,
    numbers,
    sines,
    cosines,
    reach,
    steps,
    rate,
    normalised,
    noise,
    period,
    starts,
    every,
    path,
):
    """`steps` steps of length `rate` down the gradient (times its length, unless normalised), with
    noise `[steps, d]`, from `starts[0]`.

    After every `period` of them (0: never) it begins again at the next of `starts [n, d]`.
    """
    x = starts[0].copy()
    g = np.empty_like(x)
    aside, all_of_it, best, best_x0, begun = 0.0, 0.0, np.inf, 0.0, 0
    for t in range(steps + 1):
        if period > 0 and t > 0 and t < steps and t % period == 0:
            begun += 1
            x[:] = starts[begun]
        loss = gradient_at(epsilon, numbers, sines, cosines, x, g)
        if loss < best:
            best, best_x0 = loss, x[0]
        if t % every == 0:
            write_row(path, t // every, x, loss, aside, all_of_it, best, best_x0)
            aside, all_of_it = 0.0, 0.0
        if t == steps:
            break
        square = (g * g).sum()
        length = np.sqrt(square)
        scale = 1.0 / length if normalised and length > 0.0 else 1.0
        aside += (square - g[0] * g[0]) * scale * scale
        all_of_it += square * scale * scale
        for i in range(x.shape[0]):
            x[i] = min(max(x[i] - rate * (scale * g[i] + noise[t, i]), -reach), reach)


@serial
def climb(epsilon, numbers, sines, cosines, reach, moves, patience, starts, every, path):  # type: ignore[no-untyped-def]
    """Try one of `moves [evaluations, d]` at a time from where it stands, and go there unless the
    loss is higher.

    After `patience` evaluations without a lower loss (0: never) it begins again at the next of
    `starts [n, d]`.
    """
    x = starts[0].copy()
    tried = np.empty_like(x)
    here = loss_at(epsilon, numbers, sines, cosines, x)
    aside, all_of_it, best, best_x0, begun, idle = 0.0, 0.0, here, x[0], 0, 0
    write_row(path, 0, x, here, 0.0, 0.0, best, best_x0)
    for t in range(1, moves.shape[0] + 1):
        afresh = patience > 0 and idle >= patience and begun + 1 < starts.shape[0]
        if afresh:
            begun, idle = begun + 1, 0
            tried[:] = starts[begun]
        else:
            for i in range(x.shape[0]):
                tried[i] = min(max(x[i] + moves[t - 1, i], -reach), reach)
        there = loss_at(epsilon, numbers, sines, cosines, tried)
        idle = 0 if there < here else idle + 1
        if afresh or there <= here:
            if not afresh:
                for i in range(x.shape[0]):
                    square = (tried[i] - x[i]) ** 2
                    all_of_it += square
                    aside += square if i > 0 else 0.0
            x[:] = tried
            here = there
        if here < best:
            best, best_x0 = here, x[0]
        if t % every == 0:
            write_row(path, t // every, x, here, aside, all_of_it, best, best_x0)
            aside, all_of_it = 0.0, 0.0
