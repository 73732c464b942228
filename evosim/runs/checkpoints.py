"""Checkpoints of interrupted runs: of one replicate in a file, or of an experiment in a folder.

`ReplicateCheckpoint` stores one replicate in one file. `RunCheckpoint` stores an experiment in a
folder:

* `state.npz`: the replicate under way in this process, and what is complete.
* `replicate-*.npz`: replicates under way in worker processes (`ReplicateCheckpoint`).
* `runs-*.npz`: the tables of complete replicates, each written once. A file counts if `state.npz`
  names it.
* `blocks/`: tables by generation of long runs (`evosim.runtime.blocks`), each block written once.
  So a checkpoint does not grow with generations.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from evosim.config.schema import Experiment
from evosim.errors import UserError
from evosim.runs import checkpoint_checks
from evosim.runs.checkpoint_facts import ExperimentFacts, Part, RunFacts, arrays_of
from evosim.runs.checkpoint_files import (
    STATE,
    CompatibilityKey,
    Contents,
    read,
    refuse_damage,
    write,
)
from evosim.runs.finished import Finished
from evosim.runs.session import Checkpointer, SessionOptions
from evosim.runtime import blocks
from evosim.runtime.atomic_files import inside, make_folder
from evosim.runtime.blocks import Blocks
from evosim.runtime.timing import Clock
from evosim.simulation.controls import controls_of, seed_of
from evosim.simulation.state import Position, RunState

BLOCKS = "blocks"


def replicate_file(folder: Path, control: str, seed: int) -> Path:
    """Return the file of a replicate under way in a worker. `seed` is the control's own."""
    return folder / f"replicate-{control or 'run'}-{seed}.npz"


def replicate_blocks(
    folder: Path, experiment: Experiment, control: str, seed: int
) -> Blocks | None:
    """Return a place for the tables by generation of a long replicate; None for a short one."""
    if experiment.generations <= blocks.BLOCK:
        return None
    make_folder(folder)
    return Blocks(folder / BLOCKS / f"{control or 'run'}-{seed}")


class ReplicateCheckpoint(Checkpointer):
    """One replicate in one file. Remove the file when the tables of the replicate are stored."""

    def __init__(self, path: Path, options: SessionOptions | None = None) -> None:
        super().__init__(options)
        self.path = path
        self._key: CompatibilityKey | None = None

    def begin(self, experiment: Experiment, seed: int, control: str) -> RunState | None:
        """Return the state in the file, if there is one.

        Raises
        ------
        UserError
            If it belongs to another replicate or is damaged.
        """
        self._key = CompatibilityKey.of_experiment(experiment, seed, control)
        if not self.path.exists():
            return None
        contents = read(self.path, self._key, checkpoint_checks.most_rows(experiment))
        with refuse_damage(self.path):
            facts = checkpoint_checks.check_replicate(
                contents.facts, contents.arrays, contents.tables, experiment
            )
        return facts.state(contents.arrays, contents.tables)

    def _write(self) -> None:
        if self.last and self._key:
            state = self.last.state()
            facts = RunFacts.from_state(state).model_dump()
            write(self.path, self._key, Contents(facts, arrays_of(state), state.record.tables))


class RunCheckpoint(Checkpointer):
    """An experiment with its replicates and controls, in a folder.

    Attributes
    ----------
    finished : Finished
        Complete replicates.
    interruptions : list of Part
        Earlier parts of the run.
    """

    def __init__(
        self,
        folder: Path,
        experiment: Experiment,
        clock: Clock,
        options: SessionOptions | None = None,
    ) -> None:
        super().__init__(options)
        self.folder, self.clock = folder, clock
        self.finished = Finished()
        self.interruptions: list[Part] = []
        self._experiment = experiment
        self._key = CompatibilityKey.of_experiment(experiment)
        # Names of files of complete replicates, and the number of batches in them.
        self._parts: list[str] = []
        self._written = 0
        # The number of complete replicates when the one under way began.
        self._begun_after = 0
        # The state that was read from a file, and whether the run has continued from it.
        self._saved: RunState | None = None
        self._handed_over = False

    @property
    def exists(self) -> bool:
        """Whether the folder has a checkpoint."""
        return (self.folder / STATE).is_file()

    def load(self) -> None:
        """Continue from the checkpoint in the folder.

        Raises
        ------
        UserError
            If it is damaged or does not belong to this experiment and code.
        """
        rows, path = checkpoint_checks.most_rows(self._experiment), self.folder / STATE
        contents = read(path, self._key, rows)
        with refuse_damage(path):
            facts = checkpoint_checks.check_experiment(contents.facts, self._experiment)
        for name in facts.parts:
            part_path = inside(self.folder, name, f"a part that {path} names")
            part = read(part_path, self._key, rows)
            with refuse_damage(part_path):
                finished = checkpoint_checks.check_finished(
                    part.facts, part.arrays, part.tables, self._experiment
                )
            self.finished.restore(finished, part.arrays, part.tables, self.folder / BLOCKS)
        if len(self.finished) != facts.finished:
            raise UserError(
                f"{path} names {facts.finished} complete runs, but its files hold"
                f" {len(self.finished)}. Start again: add --force."
            )
        self._parts, self._written = facts.parts, self.finished.batches
        self._begun_after = len(self.finished)
        self.interruptions = [*facts.interruptions, facts.part]
        if facts.run:
            self._saved = facts.run.state(contents.arrays, contents.tables)

    @property
    def under_way(self) -> Position | None:
        """Position of the run under way in a checkpoint now; None between two runs."""
        if self._begun_after < len(self.finished):
            return None
        if self.last:
            return self.last.position
        return self._saved.position if self._saved else None

    @property
    def in_workers(self) -> int:
        """Number of replicates that workers have begun and stored, but not completed."""
        complete = {
            replicate_file(self.folder, control, seed_of(control, int(seed)))
            for control in ("", *controls_of(self._experiment))
            for seed in self.finished.endings(control)
        }
        return len(set(self.folder.glob("replicate-*.npz")) - complete)

    def blocks(self, experiment: Experiment, seed: int, control: str) -> Blocks | None:
        """Return a place for the tables by generation of a long replicate."""
        return replicate_blocks(self.folder, experiment, control, seed)

    def hand_over(self) -> None:
        """Write the replicate that was under way to its own file, for a worker."""
        state, self._saved, self._handed_over = self._saved, None, True
        if state and self._begun_after == len(self.finished):
            position = state.position
            arm = {"": self._experiment, **controls_of(self._experiment)}[position.control]
            facts = RunFacts.from_state(state).model_dump()
            write(
                replicate_file(self.folder, position.control, position.seed),
                CompatibilityKey.of_experiment(arm, position.seed, position.control),
                Contents(facts, arrays_of(state), state.record.tables),
            )

    def save_if_due(self) -> None:
        """Write a checkpoint if one is due.

        Raises
        ------
        Full
            If the disk is full. Continuing would risk more work.
        """
        if time.monotonic() >= self._due and not self.save() and self.disk_full:
            raise self.disk_full

    def begin(self, experiment: Experiment, seed: int, control: str) -> RunState | None:
        """Return the state of the run under way, if this is it, or the state that a worker left.

        Raises
        ------
        UserError
            If the state belongs to another run or cannot be one of this run.
        """
        saved = None if self._handed_over else self._saved
        self._handed_over = True
        if saved and (saved.position.control, saved.position.seed) != (control, seed):
            raise UserError(
                f"{self.folder / STATE} holds {saved.position.label}, expected the run that comes"
                " next. Start again: add --force."
            )
        if saved:
            with refuse_damage(self.folder / STATE):
                facts = RunFacts.from_state(saved).model_dump()
                checkpoint_checks.check_replicate(
                    facts, arrays_of(saved), saved.record.tables, experiment
                )
        path = replicate_file(self.folder, control, seed)
        if saved is None and path.exists():
            saved = ReplicateCheckpoint(path).begin(experiment, seed, control)
        self.last, self._saved = None, saved
        self._begun_after = len(self.finished)
        return saved

    def _write(self) -> None:
        state = self._state()
        make_folder(self.folder)
        if self.finished.batches > self._written:
            name = f"runs-{len(self._parts) + 1:05d}.npz"
            facts, arrays, tables = self.finished.state(self._written)
            write(self.folder / name, self._key, Contents(facts.model_dump(), arrays, tables))
            self._parts.append(name)
            self._written = self.finished.batches
        facts_of_run = RunFacts.from_state(state) if state else None
        whole = ExperimentFacts(
            parts=self._parts,
            finished=len(self.finished),
            run=facts_of_run,
            interruptions=self.interruptions,
            part=self._part(facts_of_run),
        )
        arrays, tables = (arrays_of(state), state.record.tables) if state else ({}, {})
        write(self.folder / STATE, self._key, Contents(whole.model_dump(), arrays, tables))

    def _state(self) -> RunState | None:
        """Return the state of the run under way; None between two runs."""
        if self._begun_after < len(self.finished):
            return None
        return self.last.state() if self.last else self._saved

    def _part(self, run: RunFacts | None) -> Part:
        """Describe the part of the run since the last interruption."""
        return Part(
            by=self.stopped_by,
            saved=datetime.now(UTC).isoformat(timespec="seconds"),
            run=run.label if run else None,
            generation=run.generation if run else None,
            finished=len(self.finished),
            seconds=self.clock.as_dict(),
        )
