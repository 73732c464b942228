"""The generator against its authors' known answers (Random123, tests/kat_vectors), and its two
implementations.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evosim import rng as evosim_rng
from evosim.kernels.philox import philox as compiled
from evosim.kernels.philox import pick, uniform

KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_known_answers(
    counter: tuple[int, ...], key: tuple[int, int], answer: tuple[int, ...]
) -> None:
    assert tuple(int(x) for x in evosim_rng.philox(counter, key)) == answer  # type: ignore[arg-type]
    assert tuple(int(x) for x in compiled(*counter, *key)) == answer


def test_a_round_less_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evosim_rng, "ROUNDS", 9)
    counter, key, answer = KNOWN_ANSWERS[0]
    assert tuple(int(x) for x in evosim_rng.philox(counter, key)) != answer


def test_kernel_and_numpy_agree_on_many_counters() -> None:
    rng = np.random.default_rng(1)
    counters = rng.integers(0, 2**32, size=(200, 4))
    key = evosim_rng.key_of(2**40 + 12345)
    words = evosim_rng.philox(tuple(counters.T), key)  # type: ignore[arg-type]
    for i, counter in enumerate(counters):
        mine = compiled(*counter, *key)
        assert [int(w) for w in mine] == [int(w[i]) for w in words]
        assert uniform(mine[0], mine[1]) == evosim_rng.uniform(words[0], words[1])[i]


def test_uniform_is_uniform() -> None:
    """Kolmogorov-Smirnov, false-alarm rate 1e-3, fixed seed."""
    words = evosim_rng.philox((np.arange(20_000), 5, 7, 2), evosim_rng.key_of(99))
    u = evosim_rng.uniform(*words[:2])
    assert u.min() >= 0.0
    assert u.max() < 1.0
    assert stats.kstest(u, "uniform").pvalue > 1e-3


def test_seeds_beyond_32_bits_differ() -> None:
    assert evosim_rng.key_of(1) != evosim_rng.key_of(1 + 2**32)


def test_what_has_no_weight_is_never_picked() -> None:
    cumulative = np.cumsum([0.0, 2.0, 0.0, 1.0, 0.0])
    largest = np.nextafter(1.0, 0.0)
    picked = {pick(cumulative, u) for u in [0.0, 0.3, 2 / 3, 0.999, largest]}
    assert picked == {1, 3}
