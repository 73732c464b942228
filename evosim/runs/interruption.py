"""The end of a run that was interrupted: store what was done and say how to continue."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from contextlib import suppress

from evosim.config.schema import Experiment
from evosim.errors import AtOnce, Interrupted, Stop, UserError
from evosim.runs.accounts import write_tables
from evosim.runs.checkpoints import RunCheckpoint
from evosim.runs.folder import RunWriter
from evosim.runtime.atomic_files import Full, Unwritable
from evosim.runtime.words import count_of
from evosim.simulation.controls import controls_of


def end_early(
    error: BaseException,
    writer: RunWriter,
    checkpoint: RunCheckpoint,
    experiment: Experiment,
    controls: Iterable[str],
) -> None:
    """Store a checkpoint and the complete tables, and describe the partial folder.

    An error of the user before the first checkpoint leaves no folder behind.

    Parameters
    ----------
    error : BaseException
        The error or request that ended the run.
    writer : RunWriter
        Of the partial folder.
    checkpoint : RunCheckpoint
        Of the run.
    experiment : Experiment
        The experiment.
    controls : iterable of str
        Names of the controls, with the empty name of the run itself.

    Raises
    ------
    Interrupted
        If the run was stopped. The message says how to continue.
    UserError
        If the folder could not be written. The message says how to continue.
    """
    # Asking also prevents a forced interruption of what follows.
    requested = checkpoint.options.stop_requested()
    if isinstance(requested, BaseException) and not isinstance(error, AtOnce | UserError):
        error = requested  # libraries that are interrupted raise errors of their own
    if writer.whole and isinstance(error, Stop | KeyboardInterrupt):
        writer.close("interrupted when it was whole, but for its name")
        words = (
            f"stopped by {error or type(error).__name__}; the run is whole, and the same command"
            " shows it"
        )
        raise Interrupted(words, _exit_code(error)) from None
    is_mistake = isinstance(error, UserError) and not isinstance(error, Unwritable)
    if is_mistake and not checkpoint.exists:
        writer.discard()
        return
    cause, at_once = _cause(error), isinstance(error, AtOnce)
    if not (is_mistake or at_once or checkpoint.stopped_by):
        checkpoint.stopped_by = cause
        checkpoint.save()
    with suppress(UserError):
        if not (at_once or checkpoint.failure):
            write_tables(writer, checkpoint.finished, controls)
    writer.close(
        f"interrupted by {cause} after {len(checkpoint.finished.endings())} of"
        f" {count_of(experiment.replicates, 'replicate')}; not whole"
    )
    remedy = ""
    if checkpoint.exists:
        remedy = f"continue with 'evosim run {shlex.quote(str(writer.partial))} --resume'"
    if isinstance(error, Stop | KeyboardInterrupt):
        parts = (
            f"stopped by {cause} at {describe_position(checkpoint, experiment)}",
            checkpoint.failure and f"no checkpoint: {checkpoint.failure}",
            "work since the last checkpoint is lost" if at_once or checkpoint.failure else "",
            remedy,
        )
        raise Interrupted("; ".join(filter(None, parts)), _exit_code(error)) from None
    if isinstance(error, Unwritable) and remedy:
        lost = "; work since its last checkpoint is lost" if checkpoint.failure else ""
        raise UserError(f"{error} Then {remedy}{lost}.") from None


def describe_position(checkpoint: RunCheckpoint, experiment: Experiment) -> str:
    """Return where a run is, in words."""
    runs = f"{len(checkpoint.finished)} of {count_of(number_of_runs(experiment), 'run')} done"
    if (position := checkpoint.under_way) is None:
        return f"{runs}, {checkpoint.in_workers} under way" if checkpoint.in_workers else runs
    return f"{position.label}, generation {position.generation} of {position.generations} ({runs})"


def number_of_runs(experiment: Experiment) -> int:
    """Return the number of replicates of an experiment and of its controls."""
    return experiment.replicates * (1 + len(controls_of(experiment)))


def _cause(error: BaseException) -> str:
    """Return the name of what ended a run."""
    if isinstance(error, Full):
        return "a full disk"
    if isinstance(error, Stop):
        return str(error)
    return "KeyboardInterrupt" if isinstance(error, KeyboardInterrupt) else type(error).__name__


def _exit_code(error: BaseException) -> int:
    return error.code if isinstance(error, Stop) else 130
