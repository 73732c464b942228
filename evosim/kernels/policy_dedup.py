"""Merge policies that behave alike, by hash and exact comparison, and sort them.

Two policies that differ only where neither ever comes are one behaviour. Every state a policy
reaches at any age keeps its act sets; the sets of other states are emptied. Equal behaviours then
have equal bytes.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from evosim.kernels.compilation import inlined, parallel, serial
from evosim.kernels.simd import SETS, holding, item, scratch, transposed
from evosim.kernels.world_layout import WORD

EMPTY = -1
SAMPLE = 256  # points that decide along which dimension a set is widest


@inlined
def _mix(h, word):  # type: ignore[no-untyped-def]
    # Every bit of a word must reach every other. Act sets of neighbouring words differ in few bits,
    # and those at their ends.
    h ^= word
    h = (h ^ (h >> np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(29))) * np.uint64(0xD6E8FEB86659FD93)
    return h ^ (h >> np.uint64(32))


@inlined
def _digest(policy, depth):  # type: ignore[no-untyped-def]
    """Hash of the first `depth` levels of a policy.

    Levels that repeat the one before them at the end do not count.
    """
    n_words = policy.shape[1]
    last = depth - 1
    while last > 0:
        repeats = True
        for w in range(n_words):
            repeats &= policy[last, w] == policy[last - 1, w]
        if not repeats:
            break
        last -= 1
    # Two chains, because each step of a chain waits for the one before it.
    one, other = np.uint64(last), np.uint64(n_words)
    for level in range(last + 1):
        for w in range(0, n_words - 1, 2):
            one, other = _mix(one, policy[level, w]), _mix(other, policy[level, w + 1])
        if n_words % 2:
            one = _mix(one, policy[level, n_words - 1])
    return _mix(one, other)


@parallel
def digest(words, plans, depths, chunks, hashes):  # type: ignore[no-untyped-def]
    """Hashes `[n]` of the policies of individuals: of row `plans[i]` of `words` the first
    `depths[i]` levels, the last repeated.
    """
    n = plans.size
    for chunk in prange(chunks):
        piece = np.int64(chunk)
        for i in range(n * piece // chunks, n * (piece + 1) // chunks):
            hashes[i] = _digest(words[plans[i]], min(depths[i], words.shape[1]))


@inlined
def _alike(a, b, depth, other_depth):  # type: ignore[no-untyped-def]
    """Whether two policies of some depth are the same at every level."""
    for level in range(max(depth, other_depth)):
        for w in range(a.shape[1]):
            if a[min(level, depth - 1), w] != b[min(level, other_depth - 1), w]:
                return False
    return True


@serial
def group(hashes, words, plans, depths, slots, groups, first):  # type: ignore[no-untyped-def]
    """Put equal policies together: group `[n]` of each individual, and where each group was met
    first. Gives their number.

    `slots` is an open-addressed table of groups, all `EMPTY`; its size is a power of two.
    """
    mask, count = slots.size - 1, 0
    for i in range(hashes.size):
        at = np.int64(hashes[i]) & mask
        while True:
            number = slots[at]
            if number == EMPTY:
                number = slots[at] = count
                first[count] = i
                count += 1
                break
            j = first[number]
            if hashes[j] == hashes[i] and _alike(
                words[plans[i]], words[plans[j]], depths[i], depths[j]
            ):
                break
            at = (at + 1) & mask
        groups[i] = number
    return count


@inlined
def _gather(words, plans, depths, first, count, unions, tile):  # type: ignore[no-untyped-def]
    """Write the acts that each policy of a block does at any level.

    They go to `unions [SETS, W]`, and with adjacent lanes to the words `tile`.
    """
    n_words = words.shape[2]
    for lane in range(SETS):
        i = first + min(lane, count - 1)
        for w in range(n_words):
            acts = words[plans[i], 0, w]
            for level in range(1, min(depths[i], words.shape[1])):
                acts |= words[plans[i], level, w]
            unions[lane, w] = acts
    for lane in range(0, SETS, WORD):
        for w in range(n_words):
            turned = transposed(
                unions[lane, w],
                unions[lane + 1, w],
                unions[lane + 2, w],
                unions[lane + 3, w],
                unions[lane + 4, w],
                unions[lane + 5, w],
                unions[lane + 6, w],
                unions[lane + 7, w],
            )
            for number, bytes_ in enumerate(turned):
                tile[(w * WORD + number) * (SETS // WORD) + lane // WORD] = bytes_


@inlined
def _spread(rows, start, masks, done, reach):  # type: ignore[no-untyped-def]
    """Write into `reach [S]` the lanes that come to each state at any age.

    `masks [R]` are the lanes that do a row.

    The loop passes over all states until nothing is new. Lanes fill up fast, so a queue would cost
    more than it spares.
    """
    reach[:] = 0
    done[:] = 0
    for j in range(start.size):
        reach[start[j]] = ~np.uint64(0)
    again = True
    while again:
        again = False
        for s in range(reach.size):
            who = item(reach, s)
            if who == item(done, s):
                continue
            done[s] = who
            again = True
            for row in range(item(rows.first, s), item(rows.first, s + 1)):
                doing = who & item(masks, row)
                for k in range(item(rows.offsets, row), item(rows.offsets, row + 1)):
                    x = item(rows.successors, k)
                    reach[x] = item(reach, x) | doing


@serial
def _reduce_blocks(chunk, chunks, acts, rows, start, stride, out, hashes):  # type: ignore[no-untyped-def]
    words, plans, depths = acts
    n, levels, n_words = out.shape
    n_states, n_rows = rows.first.size - 1, rows.cells.size
    unions, tile = np.empty((SETS, n_words), dtype=np.uint64), scratch(n_words * SETS, words)
    tile_bytes = tile.view(np.uint8)
    masks = np.empty(n_rows, dtype=np.uint64)
    done, reach = np.empty(n_states, dtype=np.uint64), np.empty(n_states, dtype=np.uint64)
    keep = np.empty(n_words, dtype=np.uint64)
    keep_bytes = keep.view(np.uint8)
    for first in range(chunk * SETS, n, chunks * SETS):
        count = min(SETS, n - first)
        _gather(words, plans, depths, first, count, unions, tile)
        for row in range(n_rows):
            masks[row] = holding(
                tile_bytes, item(rows.cells, row) * SETS, item(rows.bits, row), tile_bytes
            )
        _spread(rows, start, masks, done, reach)
        everywhere = ~np.uint64(0)
        for s in range(n_states):
            everywhere &= reach[s]
        keep[:] = ~np.uint64(0)
        for lane in range(count):
            i = first + lane
            policy, depth = words[plans[i]], min(depths[i], levels)
            if not (everywhere >> np.uint64(lane)) & np.uint64(1):
                for cell in range(keep_bytes.size):
                    s = cell % stride
                    keep_bytes[cell] = (
                        255 * ((reach[s] >> np.uint64(lane)) & np.uint64(1)) if s < n_states else 0
                    )
            for level in range(levels):
                for w in range(n_words):
                    out[i, level, w] = policy[min(level, depth - 1), w] & keep[w]
            hashes[i] = _digest(out[i], levels)
            if not (everywhere >> np.uint64(lane)) & np.uint64(1):
                keep[:] = ~np.uint64(0)


@parallel
def reduce(acts, rows, start, stride, chunks, out, hashes):  # type: ignore[no-untyped-def]
    """Behaviours `out [n, L, W]` (words of act sets) and their `hashes [n]`.

    `rows` are the true transitions, `start` the states in which a life can begin. Reached states
    are computed for `SETS` policies at once, as bits of one word.
    """
    for chunk in prange(chunks):
        _reduce_blocks(np.int64(chunk), chunks, acts, rows, start, stride, out, hashes)


@serial
def find(hashes, words, slots, known_hashes, known, count, numbers, first):  # type: ignore[no-untyped-def]
    """Number of each behaviour in a store that knows `count`; new ones are added.

    Gives the new count.

    `slots` is an open-addressed table of numbers, `EMPTY` where there is none; its size is a power
    of two. `first` gets, for each new number, where it was met first.
    """
    mask = slots.size - 1
    before = count
    for i in range(hashes.size):
        at = np.int64(hashes[i]) & mask
        while True:
            number = slots[at]
            if number == EMPTY:
                number = slots[at] = count
                known_hashes[count] = hashes[i]
                for level in range(words.shape[1]):
                    for w in range(words.shape[2]):
                        known[count, level, w] = words[i, level, w]
                first[count - before] = i
                count += 1
                break
            if known_hashes[number] == hashes[i] and _alike(
                known[number], words[i], words.shape[1], words.shape[1]
            ):
                break
            at = (at + 1) & mask
        numbers[i] = number
    return count


@serial
def enter(known_hashes, count, slots):  # type: ignore[no-untyped-def]
    """Fill an empty table of slots with the first `count` numbers."""
    mask = slots.size - 1
    for number in range(count):
        at = np.int64(known_hashes[number]) & mask
        while slots[at] != EMPTY:
            at = (at + 1) & mask
        slots[at] = number


@inlined
def _split(keys, order, low, high, middle):  # type: ignore[no-untyped-def]
    """Partly sort `order[low : high]` so that what belongs before `middle` stands before it
    (Hoare's selection).
    """
    high -= 1
    while low < high:
        pivot = keys[order[(low + high) // 2]]
        i, j = low, high
        while i <= j:
            while keys[order[i]] < pivot:
                i += 1
            while keys[order[j]] > pivot:
                j -= 1
            if i <= j:
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            return


@serial
def alike(points, block):  # type: ignore[no-untyped-def]
    """An order `[n]` of points `[n, d]` in which any `block` neighbours are near each other: a k-d
    tree's leaves.
    """
    n, dimensions = points.shape
    order = np.arange(n)
    lows, highs = np.empty(128, dtype=np.int64), np.empty(128, dtype=np.int64)
    lows[0], highs[0] = 0, n
    depth = 1
    while depth:
        depth -= 1
        low, high = lows[depth], highs[depth]
        if high - low <= block:
            continue
        widest, along, step = 0.0, -1, 1 + (high - low) // SAMPLE
        for d in range(dimensions):
            total = square = 0.0
            for i in range(low, high, step):
                total += points[order[i], d]
                square += points[order[i], d] ** 2
            spread = square - total * total / (1 + (high - 1 - low) // step)
            if spread > widest:
                widest, along = spread, d
        if along < 0:
            continue
        middle = low + max(1, (high - low) // 2 // block) * block
        _split(points[:, along], order, low, high, middle)
        lows[depth], highs[depth] = low, middle
        lows[depth + 1], highs[depth + 1] = middle, high
        depth += 2
    return order
