"""Evaluate: exact expected lifetime amounts of many policies in the true world, by backward
induction.

Twin: `evosim.reference.dynamic_programming.lifetime`. One lane for each policy. A block of policies
computes only the rows that some policy of the block needs. These are rows of acts in reached
states, at ages at which the state can be reached. The result of a lane depends neither on other
lanes nor on the number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from evosim.kernels.compilation import inlined, parallel, serial
from evosim.kernels.simd import (
    SINGLE,
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
from evosim.kernels.world_layout import GROUP, WORD

RECORD = 8  # elements of a record: an even share of a cache line
EVERY = 16  # sweeps from one look whether values have stopped changing to the next


@serial
def _union(acts, order, first, count, union):  # type: ignore[no-untyped-def]
    """Acts that some policy of the block does in some state at some level, into the words
    `union`.
    """
    union[:] = 0
    for lane in range(count):
        i = order[first + lane]
        policy = acts.words[acts.plans[i]]
        for level in range(acts.depths[i]):
            for word in range(union.size):
                union[word] |= policy[level, word]


@serial
def _reach(rows, start, union, queue, ages):  # type: ignore[no-untyped-def]
    """Write into `queue` the states that some policy of the block may reach; return their number.

    They are in order of the first age at which one may be there.

    `ages [S]` gets that age, -1 for states out of reach.
    """
    ages[:] = -1
    tail = 0
    for i in range(start.size):
        queue[tail] = start[i]
        ages[start[i]] = 0
        tail += 1
    head = 0
    while head < tail and tail < ages.size:  # when all are reached, ages are known
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


@serial
def _gather(acts, order, first, count, level, lanes, tile, news):  # type: ignore[no-untyped-def]
    """Write the act sets of a block at a level to the words `tile`, with adjacent lanes.

    `news [S]` is not 0 for states with changed act sets.
    """
    words, plans, depths = acts
    last, step, stride = first + count - 1, lanes // WORD, news.size
    news[:] = 0
    for lane in range(0, lanes, WORD):
        at = first + lane
        i, j, k, l = (  # noqa: E741
            order[min(at, last)],
            order[min(at + 1, last)],
            order[min(at + 2, last)],
            order[min(at + 3, last)],
        )
        m, n, o, p = (
            order[min(at + 4, last)],
            order[min(at + 5, last)],
            order[min(at + 6, last)],
            order[min(at + 7, last)],
        )
        if level and level >= max(
            max(max(depths[i], depths[j]), max(depths[k], depths[l])),
            max(max(depths[m], depths[n]), max(depths[o], depths[p])),
        ):
            continue  # all of them repeat their last level
        a, b = (
            words[plans[i], min(level, depths[i] - 1)],
            words[plans[j], min(level, depths[j] - 1)],
        )
        c, d = (
            words[plans[k], min(level, depths[k] - 1)],
            words[plans[l], min(level, depths[l] - 1)],
        )
        e, f = (
            words[plans[m], min(level, depths[m] - 1)],
            words[plans[n], min(level, depths[n] - 1)],
        )
        g, h = (
            words[plans[o], min(level, depths[o] - 1)],
            words[plans[p], min(level, depths[p] - 1)],
        )
        for word in range(words.shape[2]):
            turned = transposed(
                a[word], b[word], c[word], d[word], e[word], f[word], g[word], h[word]
            )
            state = word * WORD % stride
            for number, bytes_ in enumerate(turned):
                to = (word * WORD + number) * step + lane // WORD
                news[state + number] |= tile[to] ^ bytes_
                tile[to] = bytes_


@serial
def _make_program(rows, amounts, union, reach, reached, program, records, room):  # type: ignore[no-untyped-def]
    """The work of a block: for each reached state, the rows that some lane does at some level.

    States are in order of age, and then of their number of rows: processors predict loops of equal
    length well. Reached states are those of all lanes together. If no lane acts in a state, its
    first row represents all rows.
    """
    queue, ages = reach
    places, counts, tied, sizes, numbers, cells, bits, masks = program
    lanes = width(rows.chances)
    for j in range(reached):
        s = queue[j]
        acts = 0
        for row in range(item(rows.first, s), item(rows.first, s + 1)):
            acts += item(union, item(rows.cells, row)) & item(rows.bits, row) != 0
        sizes[j] = acts
    low = done = written = 0
    while low < reached:
        high, left, size = low, 0, 0
        while high < reached and ages[queue[high]] == ages[queue[low]]:
            high += 1
        while left < high - low:
            for j in range(low, high):
                if item(sizes, j) != size:
                    continue
                s = queue[j]
                places[done], counts[done], tied[done] = s * lanes, max(size, 1), 0
                done, left = done + 1, left + 1
                first, end = item(rows.first, s), item(rows.first, s + 1)
                for row in range(first, end if size else first + 1):
                    cell, bit = item(rows.cells, row), item(rows.bits, row)
                    if item(union, cell) & bit or not size:
                        numbers[written], cells[written], bits[written], masks[written] = (
                            row,
                            cell * lanes,
                            bit,
                            0,
                        )
                        for r in range(amounts.shape[0] if room else 0):
                            _write(records, r * room + written, rows, amounts[r], row)
                        written += 1
            size += 1
        low = high


@inlined
def _fields(like):  # type: ignore[no-untyped-def]
    """Layout of a record: size in bytes, offset of the chances in elements, and of the mask.

    The offset of the mask is in half words.
    """
    size = SINGLE // width(like) * 4  # of an element, and known when this is compiled
    return RECORD * size, 8 // size, (8 // size + GROUP + 1) * size // 4


@inlined
def _write(records, k, rows, gain, row):  # type: ignore[no-untyped-def]
    """Record `k`: successors as four numbers of sixteen bits, their chances, and the amount.

    The lanes that do the row are written later (`_choose`).
    """
    elements, words, halves = records
    size, at, mask_at = _fields(elements)
    first = np.int64(item(rows.offsets, row))
    four = np.uint64(0)
    for i in range(GROUP):
        four |= np.uint64(item(rows.successors, first + i)) << np.uint64(16 * i)
        elements[k * RECORD + at + i] = item(rows.chances, first + i)
    words[k * (size // 8)] = four
    elements[k * RECORD + at + GROUP] = item(gain, row)
    halves[k * (size // 4) + mask_at] = 0


@serial
def _choose(program, tile, news, reached, records, room, n_amounts, share):  # type: ignore[no-untyped-def]
    """Find the lanes that do each row of a program, in states with changed act sets.

    If a lane does several acts, `share` is the chance of each.
    """
    places, counts, tied, _, _, cells, bits, masks = program
    halves = records[2]
    lanes = width(share)
    size, _, mask_at = _fields(share)
    k = np.int64(0)
    for j in range(reached):
        begin, end = k, k + item(counts, j)
        if not item(news, np.int64(item(places, j)) // lanes):
            k = end
            continue
        seen = overlap = np.uint64(0)
        while k < end:
            mask = holding(tile, item(cells, k), item(bits, k), share)
            masks[k] = mask
            if room:
                halves[k * (size // 4) + mask_at] = mask
            overlap |= seen & mask
            seen |= mask
            k += 1
        tied[j] = overlap != 0
        if tied[j]:
            for lane in range(lanes):
                several = 0.0
                for row in range(begin, end):
                    if masks[row] >> np.uint64(lane) & np.uint64(1):
                        several += 1.0
                share[places[j] + lane] = share.dtype.type(1.0 / max(several, 1.0))
    for r in range(1, n_amounts if room else 1):
        for row in range(k):
            halves[(r * room + row) * (size // 4) + mask_at] = masks[row]


@serial
def _drop(program, reached, records, room, amounts):  # type: ignore[no-untyped-def]
    """Remove the rows that no lane does at the last level. Later sweeps do not need them."""
    _, counts, _, _, numbers, _, _, masks = program
    words = records[1]
    each = _fields(records[0])[0] // 8
    k, written = np.int64(0), np.int64(0)
    for j in range(reached):
        before = written
        end = k + np.int64(item(counts, j))
        while k < end:
            if item(masks, k) or (k == end - 1 and written == before):
                if written != k:
                    numbers[written], masks[written] = item(numbers, k), item(masks, k)
                    for r in range(amounts.shape[0] if room else 0):
                        for w in range(each):
                            words[(r * room + written) * each + w] = item(
                                words, (r * room + k) * each + w
                            )
                written += 1
            k += 1
        counts[j] = written - before


@inlined
def _group(total, i, to, chances, value):  # type: ignore[no-untyped-def]
    """Add the expected value of one group of successors to `total`."""
    total = fma(splat(item(chances, i)), load(value, item(to, i)), total)
    total = fma(splat(item(chances, i + 1)), load(value, item(to, i + 1)), total)
    total = fma(splat(item(chances, i + 2)), load(value, item(to, i + 2)), total)
    return fma(splat(item(chances, i + 3)), load(value, item(to, i + 3)), total)


@serial
def _sweep(program, rows, to, gain, needed, share, value, fresh):  # type: ignore[no-untyped-def]
    """One age earlier: values of the first `needed` states of a program."""
    places, counts, tied, _, numbers, _, _, masks = program
    nothing = splat(value.dtype.type(0.0))
    k = np.int64(0)
    for j in range(needed):
        at, end = np.int64(item(places, j)), k + item(counts, j)
        chosen = _ahead(gain, rows, to, np.int64(item(numbers, k)), value)
        if item(tied, j):
            chosen = select(item(masks, k), chosen, nothing)
            k += 1
            while k < end:
                row_value = _ahead(gain, rows, to, np.int64(item(numbers, k)), value)
                chosen = add(chosen, select(item(masks, k), row_value, nothing))
                k += 1
            chosen = times(chosen, load(share, at))
        else:
            k += 1
            while k < end:
                chosen = select(
                    item(masks, k),
                    _ahead(gain, rows, to, np.int64(item(numbers, k)), value),
                    chosen,
                )
                k += 1
        store(fresh, at, chosen)


@inlined
def _ahead(gain, rows, to, row, value):  # type: ignore[no-untyped-def]
    """The value of a row: its amount plus the expected later values."""
    total = splat(item(gain, row))
    i, end = np.int64(item(rows.offsets, row)), item(rows.offsets, row + 1)
    while i < end:
        total = _group(total, i, to, rows.chances, value)
        i += GROUP
    return total


@inlined
def _read(records, k, value):  # type: ignore[no-untyped-def]
    """The value of a row, from its record."""
    elements, words, _ = records
    size, at, _ = _fields(value)
    lanes, at, low = width(value), k * RECORD + at, np.uint64(0xFFFF)
    four = item(words, k * (size // 8))
    total = splat(item(elements, at + GROUP))
    total = fma(splat(item(elements, at)), load(value, np.int64(four & low) * lanes), total)
    total = fma(
        splat(item(elements, at + 1)),
        load(value, np.int64(four >> np.uint64(16) & low) * lanes),
        total,
    )
    total = fma(
        splat(item(elements, at + 2)),
        load(value, np.int64(four >> np.uint64(32) & low) * lanes),
        total,
    )
    return fma(
        splat(item(elements, at + 3)), load(value, np.int64(four >> np.uint64(48)) * lanes), total
    )


@serial
def _sweep_records(program, records, first, needed, share, value, fresh):  # type: ignore[no-untyped-def]
    """The same by the records from `first` on."""
    places, counts, tied, _, _, _, _, _ = program
    halves = records[2]
    size, _, mask_at = _fields(value)
    nothing = splat(value.dtype.type(0.0))
    k = np.int64(first)
    for j in range(needed):
        at, end = np.int64(item(places, j)), k + item(counts, j)
        chosen = _read(records, k, value)
        if item(tied, j):
            chosen = select(np.uint64(item(halves, k * (size // 4) + mask_at)), chosen, nothing)
            k += 1
            while k < end:
                row_value = _read(records, k, value)
                chosen = add(
                    chosen,
                    select(np.uint64(item(halves, k * (size // 4) + mask_at)), row_value, nothing),
                )
                k += 1
            chosen = times(chosen, load(share, at))
        else:
            k += 1
            while k < end:
                chosen = select(
                    np.uint64(item(halves, k * (size // 4) + mask_at)),
                    _read(records, k, value),
                    chosen,
                )
                k += 1
        store(fresh, at, chosen)


@inlined
def _settled(places, needed, value, fresh):  # type: ignore[no-untyped-def]
    """Whether values are equal, bit by bit: then they are the same at every earlier age too."""
    for j in range(needed):
        at = np.int64(places[j])
        if unlike(load(value, at), load(fresh, at)):
            return False
    return True


@serial
def _evaluate_blocks(  # type: ignore[no-untyped-def]
    chunk, chunks, acts, order, amounts, rows, course, out
):
    words = acts.words
    start, start_chances, lifespan = course
    n, levels, n_words = acts.plans.size, words.shape[1], words.shape[2]
    n_amounts, n_rows = amounts.shape
    births = start_chances.shape[0]
    n_states = rows.first.size - 1
    lanes = width(rows.chances)
    size = n_states * lanes
    both = scratch(2 * n_amounts * size, rows.chances)
    value, fresh = both[: n_amounts * size], both[n_amounts * size :]
    tile, union = scratch(n_words * lanes, words), np.empty(n_words, dtype=words.dtype)
    tile_bytes, union_bytes = tile.view(np.uint8), union.view(np.uint8)
    queue, ages = np.empty(n_states, dtype=np.int64), np.empty(n_states, dtype=np.int64)
    news = np.empty(-(-n_states // WORD) * WORD, dtype=np.uint64)
    share = scratch(n_states * lanes, rows.chances)
    to = np.empty(rows.successors.size, dtype=np.int32)
    for i in range(to.size):
        to[i] = rows.successors[i] * lanes
    # Of states: where their values stand, their number of rows, whether acts are tied, rows at
    # first (to sort by). Of rows: their numbers, cells, bits, and whose they are.
    program = (
        np.empty(n_states, dtype=np.int32),
        np.empty(n_states, dtype=np.int32),
        np.empty(n_states, dtype=np.uint8),
        np.empty(n_states, dtype=np.int32),
        np.empty(n_rows, dtype=np.int32),
        np.empty(n_rows, dtype=np.int32),
        np.empty(n_rows, dtype=np.uint8),
        np.empty(n_rows, dtype=np.uint64),
    )
    recorded = rows.offsets[n_rows] == GROUP * n_rows and n_states <= 2**16
    room = n_rows if recorded else 0
    elements = scratch(n_amounts * room * RECORD, rows.chances)
    records = (elements, elements.view(np.uint64), elements.view(np.uint32))
    for first in range(chunk * lanes, n, chunks * lanes):
        count = min(lanes, n - first)
        _union(acts, order, first, count, union)
        reached = _reach(rows, start, union_bytes, queue, ages)
        _make_program(rows, amounts, union_bytes, (queue, ages), reached, program, records, room)
        value[:] = 0.0
        tile[:] = 0
        needed = reached
        for remaining in range(1, lifespan + 1):
            while ages[queue[needed - 1]] > lifespan - remaining:
                needed -= 1
            if remaining <= levels:
                _gather(acts, order, first, count, remaining - 1, lanes, tile, news)
                _choose(program, tile_bytes, news, reached, records, room, n_amounts, share)
            if remaining == levels:
                _drop(program, reached, records, room, amounts)
            for r in range(n_amounts):
                now, then = value[r * size :], fresh[r * size :]
                if recorded:
                    _sweep_records(program, records, r * room, needed, share, now, then)
                else:
                    _sweep(program, rows, to, amounts[r], needed, share, now, then)
            value, fresh = fresh, value
            if remaining > levels and remaining % EVERY == 0:
                settled = True
                for r in range(n_amounts):
                    settled &= _settled(program[0], needed, value[r * size :], fresh[r * size :])
                if settled:
                    break
        for r in range(n_amounts):
            for lane in range(count):
                for b in range(births):
                    total = 0.0
                    for i in range(start.size):
                        total += start_chances[b, i] * value[r * size + start[i] * lanes + lane]
                    out[order[first + lane], r * births + b] = total


@parallel
def evaluate(acts, order, amounts, rows, course, chunks, out):  # type: ignore[no-untyped-def]
    """Fill `out [n, R * B]` with lifetime amounts of `n` policies, in single or double precision.

    Column `r * B + b` is amount `r` of lives that begin as birth `b`. `amounts [R, rows]` and the
    chances in `rows` have the same type, and that is the precision. Policies that are neighbours in
    `order` share a block. The more alike they are, the less work a block has.
    """
    for chunk in prange(chunks):
        _evaluate_blocks(np.int64(chunk), chunks, acts, order, amounts, rows, course, out)
