"""Evaluate: exact expected lifetime amounts of many policies in the true world, by backward induction.

Twin: `evosim.reference.planning.lifetime`. One lane for each policy. A block of policies works out only what one of
them needs: rows of acts that one of them does in a state that one of them reaches, at ages at which it can be reached.
What a lane gets does not depend on its neighbours, nor on the number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from evosim.kernels.lanes import (
    add,
    fma,
    holding,
    item,
    load,
    scratch,
    select,
    splat,
    store,
    times,
    transposed,
    unlike,
    width,
)
from evosim.kernels.options import inlined, parallel, serial
from evosim.kernels.tables import GROUP, WORD

EVERY = 16  # sweeps from one look whether values have stopped changing to the next


@inlined
def _union(words, order, first, count, union):  # type: ignore[no-untyped-def]
    """Acts that some policy of the block does in some state at some level, into the words `union`."""
    union[:] = 0
    for lane in range(count):
        policy = words[order[first + lane]]
        for level in range(policy.shape[0]):
            for word in range(union.size):
                union[word] |= policy[level, word]


@inlined
def _reach(rows, start, union, queue, ages):  # type: ignore[no-untyped-def]
    """States in order of the first age at which some policy of the block may be there, into `queue`; gives their number.

    `ages [S]` gets that age, -1 for states out of reach.
    """
    ages[:] = -1
    tail = 0
    for i in range(start.size):
        queue[tail] = start[i]
        ages[start[i]] = 0
        tail += 1
    head = 0
    while head < tail:
        s = queue[head]
        head += 1
        for row in range(item(rows.first, s), item(rows.first, s + 1)):
            if item(union, item(rows.cells, row)) & item(rows.bits, row):
                for i in range(item(rows.offsets, row), item(rows.offsets, row + 1)):
                    x = item(rows.successors, i)
                    if item(ages, x) < 0:
                        ages[x] = ages[s] + 1
                        queue[tail] = x
                        tail += 1
    return tail


@inlined
def _gather(words, order, first, count, level, lanes, tile):  # type: ignore[no-untyped-def]
    """Act sets of a block at a level, lane beside lane, into the words `tile`; tells whether anything is new."""
    last, step = first + count - 1, lanes // WORD
    changed = np.uint64(0)
    for lane in range(0, lanes, WORD):
        at = first + lane
        i, j, k, l = order[min(at, last)], order[min(at + 1, last)], order[min(at + 2, last)], order[min(at + 3, last)]  # noqa: E741
        m, n, o, p = order[min(at + 4, last)], order[min(at + 5, last)], order[min(at + 6, last)], order[min(at + 7, last)]
        for word in range(words.shape[2]):
            turned = transposed(
                words[i, level, word], words[j, level, word], words[k, level, word], words[l, level, word],
                words[m, level, word], words[n, level, word], words[o, level, word], words[p, level, word],
            )  # fmt: skip
            for number, bytes_ in enumerate(turned):
                to = (word * WORD + number) * step + lane // WORD
                changed |= tile[to] ^ bytes_
                tile[to] = bytes_
    return changed != 0


@inlined
def _choose(rows, tile, queue, reached, begins, active, masks, tied, share):  # type: ignore[no-untyped-def]
    """The rows that some lane does in each of the first `reached` states of `queue`, with masks of those lanes.

    In states where a lane does several acts, `share` is the chance of each. Gives the number of rows, and whether there are
    such states.
    """
    lanes = width(share)
    found, mixed = 0, False
    for j in range(reached):
        s = queue[j]
        begins[j] = found
        seen = overlap = np.uint64(0)
        for row in range(item(rows.first, s), item(rows.first, s + 1)):
            mask = holding(tile, item(rows.cells, row) * lanes, item(rows.bits, row), share)
            active[found], masks[found] = row, mask
            overlap |= seen & mask
            seen |= mask
            found += mask != 0
        tied[j] = overlap != 0
        if tied[j]:
            mixed = True
            for lane in range(lanes):
                size = 0.0
                for k in range(begins[j], found):
                    if masks[k] >> np.uint64(lane) & np.uint64(1):
                        size += 1.0
                share[s * lanes + lane] = share.dtype.type(1.0 / max(size, 1.0))
    begins[reached] = found
    return found, mixed


@inlined
def _pack(rows, to, amounts, active, found, packed):  # type: ignore[no-untyped-def]
    """Copy the active rows together, so that sweeps read them one after the other."""
    _, offsets, packed_to, chances, gains = packed
    entry = 0
    for k in range(found):
        row = item(active, k)
        offsets[k] = entry
        for i in range(item(rows.offsets, row), item(rows.offsets, row + 1)):
            packed_to[entry], chances[entry] = item(to, i), item(rows.chances, i)
            entry += 1
        for r in range(amounts.shape[0]):
            gains[r, k] = amounts[r, row]
    offsets[found] = entry


@inlined
def _group(total, i, to, chances, value):  # type: ignore[no-untyped-def]
    """What is expected of one group of successors, added to `total`."""
    total = fma(splat(item(chances, i)), load(value, item(to, i)), total)
    total = fma(splat(item(chances, i + 1)), load(value, item(to, i + 1)), total)
    total = fma(splat(item(chances, i + 2)), load(value, item(to, i + 2)), total)
    return fma(splat(item(chances, i + 3)), load(value, item(to, i + 3)), total)


@inlined
def _ahead(gain, offsets, to, chances, row, value):  # type: ignore[no-untyped-def]
    """What a row is worth: its amount and what follows."""
    total = splat(item(gain, row))
    i, end = item(offsets, row), item(offsets, row + 1)
    while i < end:
        total = _group(total, i, to, chances, value)
        i += GROUP
    return total


@inlined
def _sweep(program, packed, r, queue, needed, begins, masks, tied, share, value, fresh):  # type: ignore[no-untyped-def]
    """One age earlier: values of the first `needed` states of `queue`."""
    active, offsets, to, chances, gains = program
    gain = gains[r]
    lanes = width(value)
    for j in range(needed):
        k, end = np.int64(item(begins, j)), item(begins, j + 1)
        at = item(queue, j) * lanes
        if item(tied, j):
            nothing = splat(value.dtype.type(0.0))
            total = nothing
            while k < end:
                row = k if packed else np.int64(item(active, k))
                worth = _ahead(gain, offsets, to, chances, row, value)
                total = add(total, select(item(masks, k), worth, nothing))
                k += 1
            store(fresh, at, times(total, load(share, at)))
        else:
            chosen = _ahead(gain, offsets, to, chances, k if packed else np.int64(item(active, k)), value)
            k += 1
            while k < end:
                row = k if packed else np.int64(item(active, k))
                chosen = select(item(masks, k), _ahead(gain, offsets, to, chances, row, value), chosen)
                k += 1
            store(fresh, at, chosen)


@inlined
def _sweep_once(program, packed, r, queue, needed, begins, masks, value, fresh):  # type: ignore[no-untyped-def]
    """The same where nothing is tied and every row has one group of successors: it then needs no look at offsets."""
    active, _, to, chances, gains = program
    gain = gains[r]
    lanes = width(value)
    for j in range(needed):
        k, end = np.int64(item(begins, j)), item(begins, j + 1)
        row = k if packed else np.int64(item(active, k))
        chosen = _group(splat(item(gain, row)), row * GROUP, to, chances, value)
        k += 1
        while k < end:
            row = k if packed else np.int64(item(active, k))
            chosen = select(item(masks, k), _group(splat(item(gain, row)), row * GROUP, to, chances, value), chosen)
            k += 1
        store(fresh, item(queue, j) * lanes, chosen)


@inlined
def _settled(queue, needed, value, fresh):  # type: ignore[no-untyped-def]
    """Whether values are equal, bit by bit: then they are the same at every earlier age too."""
    lanes = width(value)
    for j in range(needed):
        if unlike(load(value, queue[j] * lanes), load(fresh, queue[j] * lanes)):
            return False
    return True


@serial
def _evaluate_blocks(chunk, chunks, words, order, amounts, rows, start, start_chances, lifespan, out):  # type: ignore[no-untyped-def]
    n, levels, n_words = words.shape
    n_amounts, n_rows = amounts.shape
    n_states = rows.first.size - 1
    lanes = width(rows.chances)
    size = n_states * lanes
    value, fresh = scratch(n_amounts * size, rows.chances), scratch(n_amounts * size, rows.chances)
    tile, union = scratch(n_words * lanes, words), np.empty(n_words, dtype=words.dtype)
    tile_bytes, union_bytes = tile.view(np.uint8), union.view(np.uint8)
    queue, ages = np.empty(n_states, dtype=np.int64), np.empty(n_states, dtype=np.int64)
    begins, tied = np.empty(n_states + 1, dtype=np.int32), np.empty(n_states, dtype=np.uint8)
    active, masks = np.empty(n_rows + 1, dtype=np.int32), np.empty(n_rows + 1, dtype=np.uint64)
    share = scratch(n_states * lanes, rows.chances)
    to = np.empty(rows.successors.size, dtype=np.int32)
    for i in range(to.size):
        to[i] = rows.successors[i] * lanes
    direct = (active, rows.offsets, to, rows.chances, amounts)
    packed = (
        active, np.empty(n_rows + 1, dtype=np.int32), np.empty_like(to),
        np.empty_like(rows.chances), np.empty_like(amounts),
    )  # fmt: skip
    once = rows.offsets[n_rows] == GROUP * n_rows
    for first in range(chunk * lanes, n, chunks * lanes):
        count = min(lanes, n - first)
        _union(words, order, first, count, union)
        reached = _reach(rows, start, union_bytes, queue, ages)
        value[:] = 0.0
        tile[:] = 0
        needed, found, mixed, program = reached, 0, False, direct
        for remaining in range(1, lifespan + 1):
            while ages[queue[needed - 1]] > lifespan - remaining:
                needed -= 1
            if remaining <= levels:
                program = direct
                if _gather(words, order, first, count, remaining - 1, lanes, tile):
                    found, mixed = _choose(rows, tile_bytes, queue, reached, begins, active, masks, tied, share)
            if remaining == levels:
                _pack(rows, to, amounts, active, found, packed)
                program = packed
            in_order = remaining >= levels
            for r in range(n_amounts):
                now, then = value[r * size :], fresh[r * size :]
                if once and not mixed:
                    _sweep_once(program, in_order, r, queue, needed, begins, masks, now, then)
                else:
                    _sweep(program, in_order, r, queue, needed, begins, masks, tied, share, now, then)
            value, fresh = fresh, value
            if remaining > levels and remaining % EVERY == 0:
                settled = True
                for r in range(n_amounts):
                    settled &= _settled(queue, needed, value[r * size :], fresh[r * size :])
                if settled:
                    break
        for r in range(n_amounts):
            for lane in range(count):
                total = 0.0
                for i in range(start.size):
                    total += start_chances[i] * value[r * size + start[i] * lanes + lane]
                out[order[first + lane], r] = total


@parallel
def evaluate(words, order, amounts, rows, start, start_chances, lifespan, chunks, out):  # type: ignore[no-untyped-def]
    """Fill `out [n, R]` with lifetime amounts of policies `[n, L, C / 8]` (words of act sets), in single or double precision.

    `amounts` and the chances in `rows` have one type, and that is the precision. Policies that stand together in `order`
    share a block: the more alike they are, the less work.
    """
    for chunk in prange(chunks):
        _evaluate_blocks(np.int64(chunk), chunks, words, order, amounts, rows, start, start_chances, lifespan, out)
