"""The search of a landscape, as Python users see it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from evosim.api.accounts import Tree
from evosim.api.arguments import a_path, one_of
from evosim.api.in_folder import InFolder
from evosim.config.resolve import resolve
from evosim.config.toml_files import read_toml
from evosim.runs.reader import read_provenance

if TYPE_CHECKING:
    from evosim.analysis.summary import SearchSummary


class Search(InFolder):
    """The search of a landscape over real vectors: its paths, and where they came to.

    Attributes:
        folder: where it lies, as an absolute path.
        experiment: every parameter, resolved.
        provenance: digest, seed, versions, command.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = a_path(folder, "folder", "'results/runs/FOLDER'").absolute()
        self.provenance = read_provenance(self.folder)
        self.experiment = resolve(read_toml(self.folder / "experiment.toml"))

    @cached_property
    def typed_summary(self) -> SearchSummary:
        """The result of the search, as a tree of frozen dataclasses."""
        from evosim.runs.landscape_search import summary_there

        return summary_there(self.folder)

    @cached_property
    def summary(self) -> Tree:
        """The result of the search as nested dictionaries: what `evosim run --json` prints."""
        return self.typed_summary.as_dict()

    def paths(self) -> pl.DataFrame:
        """One row per seed and recorded evaluation: position and best find.

        docs/hills.md lists the columns.
        """
        from evosim.api.export import source_of

        return source_of(self.folder).table("paths")

    def figures(self) -> dict[str, str]:
        """Figures by name, each with what it shows in a line."""
        from evosim.figures.registry import SEARCH_FIGURES

        return {name: figure.description for name, figure in SEARCH_FIGURES.items()}

    def figure(self, name: str = "paths") -> Any:
        """A figure as an Altair chart. Raises `UserError`."""
        one_of(name, "a figure", self.figures())
        from evosim.figures.inputs import Searched
        from evosim.figures.registry import SEARCH_FIGURES
        from evosim.figures.user_charts import handed

        return handed(SEARCH_FIGURES[name].draw(Searched(self.paths(), self.experiment)))

    def __repr__(self) -> str:
        from evosim.api.display import parts_of_search, text_of

        return text_of(*parts_of_search(self))

    def _repr_html_(self) -> str:
        from evosim.api.display import html_of, parts_of_search

        return html_of(*parts_of_search(self))
