"""Build the report of runs, sweeps and searches: one HTML file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evosim.api import Run, Search, Sweep
from evosim.api.arguments import a_path, flag, maybe_path
from evosim.config.file_kinds import RUN_FOLDER, SEARCH_FOLDER, SWEEP_FOLDER, refuse_other_kind
from evosim.errors import UserError
from evosim.runtime.atomic_files import may_write, must_be_free
from evosim.runtime.forked_processes import guarded
from evosim.runtime.output_folders import is_report

if TYPE_CHECKING:
    from evosim.report.charts import ChartEmbedder
    from evosim.report.elements import Chapter


FILE = "report.html"
MOST_WHOLE = (
    2  # folders; of more runs the usual figures are drawn alone, so that the file can be sent
)


def write(
    folders: Sequence[Path], path: Path, progress: Callable[[int, int], None] | None = None
) -> tuple[int, list[str]]:
    """Write the report of some folders.

    Parameters
    ----------
    folders : sequence of Path
        Folders of runs, sweeps or searches.
    path : Path
        The file.
    progress : callable, optional
        Called with the number of finished texts and drawings, and of all.

    Returns
    -------
    tuple of (int, list of str)
        Size in bytes, and folders whose figures did not fit.

    Raises
    ------
    UserError
        Nothing is written then.
    """
    from evosim.report.page import page
    from evosim.runtime.atomic_files import write_atomically

    chapters, comparisons, embedder = contents(folders, progress)
    contents_of_page = page(chapters, comparisons, embedder)
    write_atomically(path, contents_of_page)
    return len(contents_of_page), [
        chapter.folder for chapter in chapters if chapter.name in embedder.left_out
    ]


def contents(
    folders: Sequence[Path], progress: Callable[[int, int], None] | None = None
) -> tuple[list[Chapter], list[Any], ChartEmbedder]:
    """Content of a report: one chapter per folder, the comparison of several runs, and figures.

    Texts of several folders are made first. Figures are then drawn, folder by folder, as long as
    they fit. `progress` is as in `write`. Raises `UserError`.
    """
    from evosim.api import load
    from evosim.report.charts import ChartEmbedder
    from evosim.report.page import whole_ones, without_figures
    from evosim.report.runs import comparison

    embedder = ChartEmbedder()
    loaded = [load(folder) for folder in folders]
    few, total = len(loaded) <= MOST_WHOLE, len(loaded) * (1 if len(loaded) == 1 else 2)
    done = 0

    def make_chapter(i: int, embedder: ChartEmbedder) -> Chapter:
        nonlocal done
        chapter = _chapter(f"part{i + 1}", loaded[i], embedder, every_figure=few)
        done += 1
        if progress:
            progress(done, total)
        return replace(chapter, folder=str(folders[i]))

    if len(loaded) == 1:
        return [make_chapter(0, embedder)], [], embedder
    nothing = ChartEmbedder()
    nothing.bytes_left = -1
    chapters = [make_chapter(i, nothing) for i in range(len(loaded))]
    several = sum(bool(chapter.headline) for chapter in chapters) > 1
    comparisons = [comparison(chapters), *_differing(loaded)] if several else []
    chapters = [without_figures(chapter) for chapter in chapters]
    chapters, embedder.bytes_left = whole_ones(chapters, comparisons)
    for i, chapter in enumerate(chapters):
        whole = (
            chapter
            if embedder.left_out or len(chapter.sections) == 1
            else make_chapter(i, embedder)
        )
        if whole is chapter or chapter.name in embedder.left_out:
            embedder.left_out = list(dict.fromkeys([*embedder.left_out, chapter.name]))
        else:
            chapters[i] = whole
    return chapters, comparisons, embedder


def report_path(folders: Sequence[Path], out: Path | None, *, force: bool) -> Path:
    """Where the report goes. Raises `UserError` where it cannot go, before anything is made."""
    names = [folder.resolve() for folder in folders]
    for folder, name in zip(folders, names, strict=True):
        if names.count(name) > 1:
            raise UserError(
                f"every folder must be given once, but {folder} is given {names.count(name)} times."
                " Remove one."
            )
        refuse_other_kind(folder, RUN_FOLDER, SWEEP_FOLDER, SEARCH_FOLDER)
        if not folder.is_dir():
            raise UserError(
                f"a report must be of folders of runs, sweeps or searches, but {folder} is none."
                " Check the path with 'ls results/runs results/sweeps'."
            )
    path = out or (folders[0] / FILE if len(folders) == 1 else Path(FILE))
    if path.is_dir():
        raise UserError(
            f"--out must be a file, but {path} is a folder. Give a name in it: {path / FILE}."
        )
    if path.exists() and not path.is_file():
        raise UserError(
            f"--out must be a file, but {path} is a device or a pipe. Give a name:"
            f" {path.name}.html."
        )
    if not path.resolve().parent.is_dir():
        raise UserError(
            f"--out must lie in a folder that is there, but {path.parent} is not. Make it first."
        )
    if not may_write(path.resolve().parent):
        raise UserError(
            f"a report must lie where this user may write, but {path.resolve().parent} is"
            f" read-only. Give --out with a file elsewhere: '--out {FILE}'."
        )
    # The report of this very folder may be made again
    own = path.resolve().parent in names and is_report(path)
    if not force and not own:
        must_be_free(path, "a report", "Give another --out, or --force to write over it.")
    return path


def _chapter(
    name: str, one: Run | Sweep | Search, embedder: ChartEmbedder, *, every_figure: bool
) -> Chapter:
    """Chapter about one folder."""
    from evosim import api
    from evosim.runs import accounts, figures, landscape_search

    if isinstance(one, api.Run):
        from evosim.report import runs

        return runs.chapter(
            name,
            figures.source_of(one.recorded),
            embedder,
            same_code=accounts.same_code(one.recorded),
            every_figure=every_figure,
        )
    if isinstance(one, api.Sweep):
        from evosim.report import sweeps

        return sweeps.chapter(
            name, one.store, embedder, same_code=one.store.sources == one.store.made_by
        )
    from evosim.report import searches

    return searches.chapter(
        name,
        one.folder,
        one.experiment,
        one.provenance,
        embedder,
        same_code=landscape_search.same_code(one.folder),
    )


def _differing(loaded: Sequence[Run | Sweep | Search]) -> list[Any]:
    """The parameters in which runs differ, in the order of the comparison."""
    from evosim import api
    from evosim.report import parameters
    from evosim.report.elements import Words

    runs = [one for one in loaded if isinstance(one, api.Run)]
    table = parameters.side_by_side({str(i + 1): run.experiment for i, run in enumerate(runs)})
    return [table or Words(["They differ in no parameter."])]


One = Run | Sweep | Search | str | Path


@guarded
def write_report(
    what: One | Sequence[One], path: str | Path | None = None, *, force: bool = False
) -> Path:
    """Write one HTML file about runs, sweeps or searches, and return its path.

    The default path is `report.html` in the folder, or in the current folder for several. Only with
    `force` is another kind of file overwritten. Raises `UserError`, and then writes nothing.
    """
    flag(force, "force")
    one = isinstance(what, Run | Sweep | Search | str | os.PathLike)
    several: list[Any] = [what] if one or not isinstance(what, Iterable) else list(what)
    if not several:
        raise UserError(
            "a report must be about a run, a sweep or a search, but the list is empty. Give one,"
            " for example evosim.write_report(run, 'report.html')."
        )
    folders = [
        (
            one.folder
            if isinstance(one, Run | Sweep | Search)
            else a_path(one, "the subject of a report", "'results/runs/FOLDER'")
        )
        for one in several
    ]
    place = report_path(folders, maybe_path(path, "path", "'report.html'"), force=force)
    write(folders, place)
    return place
