"""The surroundings of the loop of a run: progress here, checkpoints and stops in `evosim.runs`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evosim.config.schema import Experiment
from evosim.runtime.blocks import Blocks
from evosim.runtime.progress import Tell
from evosim.simulation.state import Position, RunState


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A generation that is recorded.

    Attributes
    ----------
    position : Position
        The generation.
    means : tuple of float
        Mean net fitness in the ancestral and in the modern world.
    state : Callable
        Returns the state of the run at this generation. It may be called until the next snapshot,
        also in the middle of the next generation. Newborns stay as they are while their children
        are made. Rows that were recorded since are left out.
    """

    position: Position
    means: tuple[float, float]
    state: Callable[[], RunState]


class Session:
    """The default surroundings of a run: they report progress and store nothing.

    The loop calls `blocks` and `begin` once, and `after_generation` for each generation.
    """

    def __init__(self, progress: Tell | None = None) -> None:
        self.progress = progress

    def begin(self, experiment: Experiment, seed: int, control: str) -> RunState | None:
        """Return the state from which a replicate continues; None for its beginning.

        Raises
        ------
        UserError
            If there is a state, but it cannot be one of this replicate.
        """
        return None

    def blocks(self, experiment: Experiment, seed: int, control: str) -> Blocks | None:
        """Return a place on disk for the tables of a long replicate; None to use memory."""
        return None

    def after_generation(self, snapshot: Snapshot) -> None:
        """Take notice that a generation is recorded.

        Raises
        ------
        Stop
            If the run has to stop here.
        """
        if self.progress:
            position = snapshot.position
            self.progress(
                position.label, position.generation, position.generations, *snapshot.means
            )
