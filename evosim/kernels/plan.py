"""Plan with many inner planners at once.

Each does value iteration on its own felt reward in the world that it believes in.

Twin: `evosim.reference.dynamic_programming.plan`. Each planner has one lane. Lanes are always in
double precision, because ties of acts must not depend on the precision of a search. Choice by
softmax is in `evosim.kernels.softmax`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange

from evosim.kernels.compilation import inlined, parallel, serial
from evosim.kernels.simd import (
    DOUBLE,
    at_least,
    fma,
    item,
    larger,
    load,
    no_acts,
    scratch,
    splat,
    store,
    subtract,
    times,
    transposed,
    unlike,
    with_bit,
)
from evosim.kernels.world_layout import GROUP, WORD

SPLIT, FIRST, LAST = 0, 1, 2
EVERY = 8  # sweeps from one look whether values have stopped changing to the next


class Planners(NamedTuple):
    """Inner planners. `n` planners, `K` features.

    Attributes
    ----------
    weights : ndarray
        `[n, K]` weights of the felt reward.
    depths : ndarray
        `[n]` horizons.
    """

    weights: np.ndarray
    depths: np.ndarray


class TieRule(NamedTuple):
    """The choice among acts of equal value.

    Attributes
    ----------
    tolerance : float
        Largest difference of equal values, as a share of the largest felt reward.
    rule : int
        `SPLIT`: all of them; `FIRST` or `LAST`: one act in the order of the world.
    """

    tolerance: float
    rule: int


class PlanTable(NamedTuple):
    """Act sets of planners, the output. `L` levels, `C` cells.

    Attributes
    ----------
    sets : ndarray
        `[n, L, C]` act sets as bytes.
    words : ndarray
        `[n, L, C / 8]` the same memory as words of eight bytes.
    """

    sets: np.ndarray
    words: np.ndarray


@serial
def _feel(weights, first, count, features, wanted, felt):  # type: ignore[no-untyped-def]
    """Felt reward of every row for planners `first .. first + count - 1`, into `felt`; gives each
    lane's largest size.
    """
    for k in range(weights.shape[1]):
        for lane in range(DOUBLE):
            wanted[k * DOUBLE + lane] = weights[first + min(lane, count - 1), k]
    zero = splat(0.0)
    largest = zero
    for row in range(features.offsets.size - 1):
        total = zero
        for i in range(item(features.offsets, row), item(features.offsets, row + 1)):
            total = fma(
                splat(item(features.values, i)),
                load(wanted, item(features.numbers, i) * DOUBLE),
                total,
            )
        store(felt, row * DOUBLE, total)
        largest = larger(larger(total, subtract(zero, total)), largest)
    return largest


@inlined
def _group(total, i, rows, value):  # type: ignore[no-untyped-def]
    """Add the expected value of one group of successors to `total`."""
    total = fma(splat(item(rows.chances, i)), load(value, item(rows.successors, i) * DOUBLE), total)
    total = fma(
        splat(item(rows.chances, i + 1)), load(value, item(rows.successors, i + 1) * DOUBLE), total
    )
    total = fma(
        splat(item(rows.chances, i + 2)), load(value, item(rows.successors, i + 2) * DOUBLE), total
    )
    return fma(
        splat(item(rows.chances, i + 3)), load(value, item(rows.successors, i + 3) * DOUBLE), total
    )


@inlined
def _look(rows, flags, felt, tolerance, value, fresh, q, bits):  # type: ignore[no-untyped-def]
    """One step further ahead: values `fresh`, and act sets into `bits [C DOUBLE]`.

    The flags `(ahead, once, few)` are constants in the callers. Without `ahead` there is no later
    value. `once`: every row has one group of successors. `few`: every state has its acts in one
    cell.
    """
    ahead, once, few = flags
    for s in range(rows.first.size - 1):
        begin, end = np.int64(item(rows.first, s)), np.int64(item(rows.first, s + 1))
        best = splat(-np.inf)
        for row in range(begin, end):
            total = load(felt, row * DOUBLE)
            if ahead:
                i = row * GROUP if once else np.int64(item(rows.offsets, row))
                total = _group(total, i, rows, value)
                if not once:
                    i += GROUP
                    while i < item(rows.offsets, row + 1):
                        total = _group(total, i, rows, value)
                        i += GROUP
                store(q, (row - begin) * DOUBLE, total)
            best = larger(total, best)
        store(fresh, s * DOUBLE, best)
        bar = subtract(best, tolerance)
        cell, acts = item(rows.cells, begin), no_acts()
        for row in range(begin, end):
            if not few and item(rows.cells, row) != cell:
                store(bits, cell * DOUBLE, acts)
                cell, acts = item(rows.cells, row), no_acts()
            value_of_act = load(q, (row - begin) * DOUBLE) if ahead else load(felt, row * DOUBLE)
            acts = with_bit(acts, at_least(value_of_act, bar), item(rows.bits, row))
        store(bits, cell * DOUBLE, acts)


# These are called, not compiled into their caller: that has too many arrays for a processor's
# registers.


@serial
def _nothing_follows(rows, felt, tolerance, value, fresh, q, bits):  # type: ignore[no-untyped-def]
    _look(rows, (False, True, False), felt, tolerance, value, fresh, q, bits)


@serial
def _few_follow(rows, felt, tolerance, value, fresh, q, bits):  # type: ignore[no-untyped-def]
    _look(rows, (True, True, True), felt, tolerance, value, fresh, q, bits)


@serial
def _many_follow(rows, felt, tolerance, value, fresh, q, bits):  # type: ignore[no-untyped-def]
    _look(rows, (True, False, False), felt, tolerance, value, fresh, q, bits)


@inlined
def _most_acts(rows):  # type: ignore[no-untyped-def]
    most = 0
    for s in range(rows.first.size - 1):
        if rows.first[s + 1] - rows.first[s] > most:
            most = rows.first[s + 1] - rows.first[s]
    return most


@inlined
def _settled(value, fresh):  # type: ignore[no-untyped-def]
    """Whether values are equal, bit by bit: then they are the same at every further step too."""
    for at in range(0, value.size, DOUBLE):
        if unlike(load(value, at), load(fresh, at)):
            return False
    return True


@serial
def _write(bits, level, first, count, depths, sets):  # type: ignore[no-untyped-def]
    """Write the act sets of a level to the policies of those lanes that look so far ahead."""
    n_words = sets.shape[2]
    for word in range(n_words):
        for lane in range(0, count, WORD):
            at = word * DOUBLE + lane // WORD  # bits has DOUBLE // WORD = 2 words for each cell
            a, b, c, d, e, f, g, h = transposed(
                bits[at],
                bits[at + 2],
                bits[at + 4],
                bits[at + 6],
                bits[at + 8],
                bits[at + 10],
                bits[at + 12],
                bits[at + 14],
            )
            for i, bytes_ in enumerate((a, b, c, d, e, f, g, h)):
                if lane + i < count and level < depths[first + lane + i]:
                    sets[first + lane + i, level, word] = bytes_


@inlined
def _break_ties(ties, stride, sets):  # type: ignore[no-untyped-def]
    """Leave one act of each set `[C]`: the first or the last in the world's order."""
    planes = sets.size // stride
    for s in range(stride):
        decided = False
        for k in range(planes):
            cell = (k if ties == FIRST else planes - 1 - k) * stride + s
            chosen = np.int64(sets[cell])
            if ties == FIRST:
                chosen &= -chosen
            else:
                while chosen & (chosen - 1):
                    chosen &= chosen - 1
            sets[cell] = np.int64(0) if decided else chosen
            decided |= chosen != 0


@serial
def _plan_blocks(  # type: ignore[no-untyped-def]
    chunk, chunks, planners, features, rows, tie_rule, stride, table
):
    weights, depths = planners
    sets, words = table
    n, levels, n_cells = sets.shape
    n_states = rows.first.size - 1
    wanted = scratch(weights.shape[1] * DOUBLE, weights)
    felt = scratch((features.offsets.size - 1) * DOUBLE, weights)
    value, fresh = scratch(n_states * DOUBLE, weights), scratch(n_states * DOUBLE, weights)
    q = scratch(_most_acts(rows) * DOUBLE, weights)
    bits = scratch(n_cells * DOUBLE, sets)
    bits[:] = 0
    bit_words = bits.view(np.uint64)
    few = rows.offsets[rows.cells.size] == GROUP * rows.cells.size and n_cells == stride
    for first in range(chunk * DOUBLE, n, chunks * DOUBLE):
        count = min(DOUBLE, n - first)
        largest = _feel(weights, first, count, features, wanted, felt)
        tolerance = times(splat(tie_rule.tolerance), largest)
        deepest = 0
        for lane in range(count):
            deepest = max(deepest, min(depths[first + lane], levels))
        done = deepest
        for level in range(deepest):
            if level == 0:
                _nothing_follows(rows, felt, tolerance, value, fresh, q, bits)
            elif few:
                _few_follow(rows, felt, tolerance, value, fresh, q, bits)
            else:
                _many_follow(rows, felt, tolerance, value, fresh, q, bits)
            _write(bit_words, level, first, count, depths, words)
            value, fresh = fresh, value
            if level % EVERY == EVERY - 1 and _settled(value, fresh):
                done = level + 1
                break
        for lane in range(count):
            own = min(depths[first + lane], done)
            if tie_rule.rule != SPLIT:
                for level in range(own):
                    _break_ties(tie_rule.rule, stride, sets[first + lane, level])
            for level in range(own, levels):
                for word in range(words.shape[2]):
                    words[first + lane, level, word] = words[first + lane, own - 1, word]


@parallel
def plan(planners, features, rows, tie_rule, stride, chunks, table):  # type: ignore[no-untyped-def]
    """Fill a table with the act sets of `n` planners. Levels from their depth on repeat the last.

    `rows` has the discount in its chances. Planners of similar depth should be neighbours: a block
    goes as deep as its deepest planner.
    """
    for chunk in prange(chunks):
        _plan_blocks(np.int64(chunk), chunks, planners, features, rows, tie_rule, stride, table)
