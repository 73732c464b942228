"""A cache of a fixed number of entries. The least recently used entry is dropped first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """Values by key, in bounded memory.

    Parameters
    ----------
    size : int
        The largest number of entries, at least 1.
    """

    def __init__(self, size: int) -> None:
        assert size >= 1
        self.size = size
        self._values: OrderedDict[K, V] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: K) -> bool:
        return key in self._values

    def __getitem__(self, key: K) -> V:
        self._values.move_to_end(key)
        return self._values[key]

    def __setitem__(self, key: K, value: V) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        while len(self._values) > self.size:
            self._values.popitem(last=False)

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value of a key; `make` computes it if it is not in the cache.

        If `make` raises, the cache does not change.
        """
        if key in self:
            return self[key]
        value = make()
        self[key] = value
        return value

    def clear(self) -> None:
        """Drop all entries."""
        self._values.clear()
