"""Groups of commands."""

from __future__ import annotations

import typer
from typer.testing import CliRunner

from evosim.cli.groups import CommandGroup


def made() -> typer.Typer:
    app = typer.Typer(cls=CommandGroup, rich_markup_mode=None)

    @app.command()
    def one() -> None:
        """A first sentence that is long. And a second sentence, which help shows as well."""

    @app.command()
    def two() -> None:
        """Another."""

    return app


def test_help_shows_whole_first_paragraphs() -> None:
    shown = " ".join(CliRunner().invoke(made(), ["--help"]).stdout.split())
    assert "which help shows as well." in shown


def test_each_command_can_allow_an_import() -> None:
    assert "--allow-import" in CliRunner().invoke(made(), ["two", "--help"]).stdout
