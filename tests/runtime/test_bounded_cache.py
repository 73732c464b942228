"""The bounded cache drops what was not used for the longest time."""

from __future__ import annotations

import pytest

from evosim.runtime.bounded_cache import BoundedCache


def test_the_least_recently_used_entry_is_dropped() -> None:
    cache: BoundedCache[str, int] = BoundedCache(2)
    made: list[str] = []

    def value(key: str) -> int:
        return cache.get(key, lambda: made.append(key) or len(made))  # type: ignore[func-returns-value]

    assert [value(key) for key in ("a", "b", "a", "c", "b", "c")] == [1, 2, 1, 3, 4, 3]
    assert made == ["a", "b", "c", "b"]
    assert len(cache) == 2
    assert "a" not in cache
    cache.clear()
    assert len(cache) == 0


def test_a_failed_value_leaves_the_cache_as_it_was() -> None:
    cache: BoundedCache[int, int] = BoundedCache(1)
    cache.get(1, lambda: 1)
    with pytest.raises(ZeroDivisionError):
        cache.get(2, lambda: 1 // 0)
    assert 1 in cache
