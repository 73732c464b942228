"""Worlds: checked, read-only arrays for an ancestral and a modern environment.

A world needs only NumPy and draws no figures. Only environments of Gymnasium are sampled, to
compare them with their tables.

`WORLDS` is the catalogue. A world is one file: a docstring, a parameter dataclass, and
`build(params, modern)`. `LANDSCAPES` holds loss functions over real vectors, which have
`build(params, seed)`.
"""

from __future__ import annotations

if __name__ != "evosim.worlds":  # imported by its old name, from a checkout
    raise ImportError("write 'evosim.worlds' instead of 'worlds'", name="worlds")

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evosim.worlds import episodes, host, lava, maze, micro, savanna, tessellating_hills, villages
from evosim.worlds.cue import Cue, with_cue
from evosim.worlds.parameters import InvalidWorld
from evosim.worlds.tabular import TabularMdp, WorldPair
from evosim.worlds.tessellating_hills import Hills


@dataclass(frozen=True)
class Entry:
    """One world, as catalogues, figures and tests see it.

    Attributes
    ----------
    params : type
        Parameter class, a dataclass.
    build : callable
        Builds the pair: `build(params, modern)`.
    description : str
        The world in one line.
    unit : str
        Unit of payoff.
    state_legend : str
        Meaning of the parts of a state's name, for figures. Empty: names need no legend.
    feature_colours : mapping
        Place of each feature in the figures' palette of loci, from 0. Features of equal name have
        equal places in all worlds. A feature that is absent gets a place from its name.
    example_swap : mapping
        Parameters of a modern world that differs, for templates and tests.
    """

    params: type[Any]
    build: Callable[[Any, dict[str, Any]], WorldPair]
    description: str
    unit: str = "payoff"
    state_legend: str = ""
    feature_colours: Mapping[str, int] = field(default_factory=dict)
    example_swap: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LandscapeEntry:
    """One landscape over real vectors: its parameter class, the builder for a seed, and a
    description of one line.
    """

    params: type[Any]
    build: Callable[[Any, int], Hills]
    description: str


WORLDS: dict[str, Entry] = {
    "episodes": Entry(
        episodes.Episodes,
        episodes.build,
        "training and deployment episodes in one life; defection in training is punished",
        state_legend=episodes.STATE_LEGEND,
        feature_colours=episodes.FEATURE_COLOURS,
        example_swap=episodes.EXAMPLE_SWAP,
    ),
    "host": Entry(
        host.Host,
        host.build,
        "a parasite in its host: growth against transmission; the mainland after the island",
        "expected infections",
        state_legend=host.STATE_LEGEND,
        feature_colours=host.FEATURE_COLOURS,
        example_swap=host.EXAMPLE_SWAP,
    ),
    "lava": Entry(
        lava.Lava,
        lava.build,
        "the lava of AI Safety Gridworlds, elsewhere in testing than in training",
        state_legend=lava.STATE_LEGEND,
        feature_colours=lava.FEATURE_COLOURS,
        example_swap=lava.EXAMPLE_SWAP,
    ),
    "maze": Entry(
        maze.Maze,
        maze.build,
        "mazes whose exit door is red in training, and is not in deployment",
        state_legend=maze.STATE_LEGEND,
        feature_colours=maze.FEATURE_COLOURS,
        example_swap=maze.EXAMPLE_SWAP,
    ),
    "micro": Entry(
        micro.Micro,
        micro.build,
        "three states, three ages: everything by brute force",
        "expected offspring",
        feature_colours=micro.FEATURE_COLOURS,
        example_swap=micro.EXAMPLE_SWAP,
    ),
    "savanna": Entry(
        savanna.Savanna,
        savanna.build,
        "a life history; contraception comes with modern life",
        "expected offspring",
        state_legend=savanna.STATE_LEGEND,
        feature_colours=savanna.FEATURE_COLOURS,
        example_swap=savanna.EXAMPLE_SWAP,
    ),
    "villages": Entry(
        villages.Villages,
        villages.build,
        "a strategy game; after the swap there is another enemy",
        state_legend=villages.STATE_LEGEND,
        feature_colours=villages.FEATURE_COLOURS,
        example_swap=villages.EXAMPLE_SWAP,
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
