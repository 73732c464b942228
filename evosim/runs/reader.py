"""Read a recorded run back from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evosim.analysis.recorded_run import Recorded, Tables, damaged_run
from evosim.analysis.table_schemas import Provenance, Shape
from evosim.config.differences import with_own_words
from evosim.config.file_kinds import PARTIAL_FOLDER, RUN_FOLDER, refuse_other_kind
from evosim.config.landscape_search import on_landscape
from evosim.config.resolve import resolve
from evosim.config.toml_files import read_toml
from evosim.errors import UserError
from evosim.runs.provenance import READABLE_VERSIONS, SCHEMA_VERSION
from evosim.runtime import forked_processes
from evosim.runtime.atomic_files import inside
from evosim.runtime.checksums import SUMS, Damaged, check_sum, read_json, read_sums, shaped
from evosim.runtime.output_folders import PARTIAL
from evosim.simulation.controls import controls_of

TABLES = ("generations", "loci", "alleles", "populations")
LANDSCAPE, SEARCH, PATHS = "landscape", "search", "paths"
CHECKPOINT, PROVENANCE = "checkpoint", "provenance.json"
EXPERIMENT_FILE, SUMMARY, REPORT = "experiment.toml", "summary.json", "report.html"
FIGURE_LIST = "figures.json"


def read_provenance(folder: Path) -> dict[str, Any]:
    """Return the provenance of a run. Raises `UserError` if it is missing or damaged."""
    sums = read_sums(folder)
    try:
        data: dict[str, Any] = read_json(folder / PROVENANCE, sums.get(PROVENANCE))
        facts = shaped(data, Provenance)
        if facts.sums and PROVENANCE not in sums:
            raise Damaged(f"has no checksum in {SUMS}")
    except FileNotFoundError:
        raise UserError(_not_a_run(folder)) from None
    except Damaged as error:
        raise UserError(damaged_run(folder, PROVENANCE, error)) from None
    return data


def expected_sum(
    folder: Path, name: str, facts: Mapping[str, object], sums: Mapping[str, str]
) -> str | None:
    """Look up the checksum that a file of a run must have.

    Parameters
    ----------
    folder : Path
        The run's folder.
    name : str
        Path of the file in it.
    facts : dict
        The run's provenance.
    sums : Mapping
        Checksums of the run, of `read_sums`.

    Returns
    -------
    str or None
        The checksum. None for runs of earlier versions without checksums.

    Raises
    ------
    UserError
        If the run has checksums, but none of this file.
    """
    if facts.get("sums") and name not in sums:
        raise UserError(damaged_run(folder, name, Damaged(f"has no checksum in {SUMS}")))
    return sums.get(name)


def read_run(folder: Path) -> Recorded:
    """Read a run.

    Raises
    ------
    UserError
        If a file is missing or damaged, or if the experiment was edited.
    """
    forked_processes.check()
    refuse_other_kind(folder, RUN_FOLDER, PARTIAL_FOLDER)
    if not folder.is_dir():
        raise UserError(
            f"a run must be a folder, but {folder} is not one. Check the path with 'ls"
            " results/runs'."
        )
    facts = read_provenance(folder)
    if facts.get("schema_version") not in READABLE_VERSIONS:
        raise UserError(
            f"{folder} must be of schema version {SCHEMA_VERSION}, but is of"
            f" {facts.get('schema_version')}. Run it again with 'evosim run'."
        )
    sums = read_sums(folder)
    _check_experiment(folder, expected_sum(folder, EXPERIMENT_FILE, facts, sums))
    experiment = with_own_words(resolve(read_toml(folder / EXPERIMENT_FILE)))
    if experiment.digest() != facts["digest"]:
        raise UserError(
            f"{folder}/experiment.toml must have the digest of its provenance"
            f" ({facts['digest'][:8]}), but has {experiment.digest()[:8]}: it was edited, or made"
            " by another version. Restore it, or run it to another folder."
        )
    if on_landscape(experiment):
        raise UserError(
            f"{folder} must be a run in a pair of worlds, but is the search of a landscape."
            " Its table is tables/paths.parquet."
        )
    known, others = shaped(facts, Provenance), controls_of(experiment)
    if (
        known.landscape is None
        or {str(seed) for seed in experiment.seeds} != known.runs.keys()
        or others.keys() != known.controls.keys()
    ):
        raise UserError(
            damaged_run(folder, PROVENANCE, Damaged("has other runs than experiment.toml"))
        )

    def tables(part: str, shape: Shape, *more: str) -> Tables:
        ledger = (SEARCH,) if shape.experiment.search_ledger else ()
        names = (*TABLES, *ledger, *more)
        places = {name: f"{part}/{name}.parquet" for name in names}
        return Tables(
            folder,
            places,
            shape,
            {name: expected_sum(folder, place, facts, sums) for name, place in places.items()},
        )

    for name in others:
        inside(folder / "controls", name, f"a control that {folder / PROVENANCE} names")
    controls = {
        name: tables(f"controls/{name}", Shape(other, known.controls[name]))
        for name, other in others.items()
    }
    return Recorded(
        folder,
        experiment,
        facts,
        tables("tables", Shape(experiment, known.runs), LANDSCAPE),
        controls,
    )


def _check_experiment(folder: Path, expected: str | None) -> None:
    """Raise `UserError` if the experiment of a run is missing or was changed."""
    try:
        with (folder / EXPERIMENT_FILE).open("rb") as file:
            check_sum(file, expected)
    except Damaged:
        raise UserError(
            f"{folder}/{EXPERIMENT_FILE} must be what was written, but has another checksum: it was"
            " edited or damaged. Restore it, or run it to another folder."
        ) from None
    except OSError as error:
        raise UserError(
            f"{folder}/{EXPERIMENT_FILE} must be readable, but is not: {error.strerror}. Restore it"
            " from a copy."
        ) from None


def _not_a_run(folder: Path) -> str:
    if folder.name.endswith(PARTIAL) or (folder / "STATUS").is_file():
        return (
            f"{folder} must be a whole run, but was interrupted. Continue it: 'evosim run"
            f" {folder} --resume'."
        )
    return (
        f"{folder} must be a run's folder, but has no provenance.json. Check the path with 'ls"
        " results/runs'."
    )
