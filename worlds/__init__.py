"""Worlds: checked, read-only arrays for an ancestral and a modern environment. NumPy only; no drawing, no sampling.

`WORLDS` is the catalogue. A world is one file: a docstring, a parameter dataclass, `build(params, modern)`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from worlds import host, lava, maze, micro, savanna, villages
from worlds.parameters import InvalidWorld
from worlds.tabular import TabularMdp, WorldPair


@dataclass(frozen=True)
class Entry:
    """One world: its parameter class, how to build the pair, and what it is in a line."""

    params: type[Any]
    build: Callable[[Any, dict[str, Any]], WorldPair]
    what: str


WORLDS: dict[str, Entry] = {
    "host": Entry(host.Host, host.build, "a parasite in its host: growth against transmission; the mainland after the island"),
    "lava": Entry(lava.Lava, lava.build, "the lava of AI Safety Gridworlds, elsewhere in testing than in training"),
    "maze": Entry(maze.Maze, maze.build, "mazes whose exit door is red in training, and is not in deployment"),
    "micro": Entry(micro.Micro, micro.build, "three states, three ages: everything by brute force"),
    "savanna": Entry(savanna.Savanna, savanna.build, "a life history; contraception comes with modern life"),
    "villages": Entry(villages.Villages, villages.build, "a strategy game; after the swap there is another enemy"),
}

__all__ = ["WORLDS", "Entry", "InvalidWorld", "TabularMdp", "WorldPair"]
