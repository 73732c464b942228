"""Worlds: checked, read-only arrays for an ancestral and a modern environment.

NumPy only; no drawing. Nothing is sampled but
environments of Gymnasium, to compare them with their tables.

`WORLDS` is the catalogue. A world is one file: a docstring, a parameter dataclass, `build(params,
modern)`. `LANDSCAPES` are no worlds to live in but loss over real vectors: `build(params, seed)`.
"""

from __future__ import annotations

if __name__ != "evosim.worlds":  # imported by its old name, from a checkout
    raise ImportError("write 'evosim.worlds' instead of 'worlds'", name="worlds")

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evosim.worlds import episodes, host, lava, maze, micro, savanna, tessellating_hills, villages
from evosim.worlds.cue import Cue, with_cue
from evosim.worlds.parameters import InvalidWorld
from evosim.worlds.tabular import TabularMdp, WorldPair
from evosim.worlds.tessellating_hills import Hills


@dataclass(frozen=True)
class Entry:
    """One world: its parameter class, how to build the pair, what it is in a line, and what its
    payoff is counted in.
    """

    params: type[Any]
    build: Callable[[Any, dict[str, Any]], WorldPair]
    description: str
    unit: str = "payoff"


@dataclass(frozen=True)
class LandscapeEntry:
    """One landscape over real vectors: its parameter class, how to build that of a seed, and what
    it is in a line.
    """

    params: type[Any]
    build: Callable[[Any, int], Hills]
    description: str


WORLDS: dict[str, Entry] = {
    "episodes": Entry(
        episodes.Episodes,
        episodes.build,
        "training and deployment episodes in one life; defection in training is punished",
    ),
    "host": Entry(
        host.Host,
        host.build,
        "a parasite in its host: growth against transmission; the mainland after the island",
        "expected infections",
    ),
    "lava": Entry(
        lava.Lava,
        lava.build,
        "the lava of AI Safety Gridworlds, elsewhere in testing than in training",
    ),
    "maze": Entry(
        maze.Maze, maze.build, "mazes whose exit door is red in training, and is not in deployment"
    ),
    "micro": Entry(
        micro.Micro,
        micro.build,
        "three states, three ages: everything by brute force",
        "expected offspring",
    ),
    "savanna": Entry(
        savanna.Savanna,
        savanna.build,
        "a life history; contraception comes with modern life",
        "expected offspring",
    ),
    "villages": Entry(
        villages.Villages, villages.build, "a strategy game; after the swap there is another enemy"
    ),
}

LANDSCAPES: dict[str, LandscapeEntry] = {
    "tessellating-hills": LandscapeEntry(
        tessellating_hills.TessellatingHills,
        tessellating_hills.build,
        "loss over real vectors: a slope, and hills that catch who climbs down it",
    )
}

__all__ = [
    "LANDSCAPES",
    "WORLDS",
    "Cue",
    "Entry",
    "Hills",
    "InvalidWorld",
    "LandscapeEntry",
    "TabularMdp",
    "WorldPair",
    "with_cue",
]
