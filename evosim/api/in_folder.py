"""A result in a folder: what runs, sweeps and searches have in common."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from evosim.api.arguments import a_path, flag, one_of, texts
from evosim.runtime.forked_processes import Guarded


class InFolder(Guarded):
    """A result in a folder, whose tables can be written elsewhere."""

    folder: Path

    def save(
        self,
        folder: str | Path,
        tables: Iterable[str] | None = None,
        format: str = "csv",
        *,
        force: bool = False,
        spreadsheets: bool = False,
    ) -> list[Path]:
        """Write tables as files.

        Parameters
        ----------
        folder
            Folder of the files. It is made if missing.
        tables
            Names of tables (default: all).
        format
            `csv`, `parquet` or `json`.
        force
            Replace files that exist.
        spreadsheets
            In CSV, put an apostrophe before formula-like texts.

        Returns
        -------
        list of Path
            The files that were written.

        Raises
        ------
        UserError
            If a table is not known, or a file exists and `force` is not given.
        """
        from evosim.api.export import FORMATS as TABLE_FORMATS
        from evosim.api.export import source_of, write

        for name, value in {"force": force, "spreadsheets": spreadsheets}.items():
            flag(value, name)
        place, wanted = (
            a_path(folder, "folder", "'tables'"),
            (None if tables is None else texts(tables, "tables", "['ladder']")),
        )
        return write(
            source_of(self.folder),
            wanted,
            place,
            one_of(format, "format", TABLE_FORMATS),
            force=force,
            spreadsheets=spreadsheets,
        )
