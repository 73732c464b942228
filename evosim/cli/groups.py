"""Groups of commands: whole sentences in their help, and `--allow-import` for each command."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

ALLOW_IMPORT = "allow_import"


def _allow(modules: list[str] | None) -> None:
    """Let files name these modules, in this process and in those that it starts."""
    if modules:
        from evosim.config.allowed_imports import allow_import

        allow_import(*modules)


AllowImport = Annotated[
    list[str] | None,
    typer.Option(
        metavar="MODULE",
        help="Import this module if a file names it as gymnasium:MODULE:Env. May be repeated.",
        callback=_allow,
        is_eager=True,
        expose_value=False,
    ),
]


@cache
def _allow_import_option() -> Any:
    """The option `--allow-import`, in the form in which typer builds options."""
    app = typer.Typer()

    @app.command()
    def only_for_its_option(allow_import: AllowImport = None) -> None:
        """Typer builds the option from this signature. The command is never called."""

    options = typer.main.get_command(app).params
    return next(option for option in options if option.name == ALLOW_IMPORT)


class CommandGroup(TyperGroup):
    """A group of commands whose help shows the whole first paragraph of each command.

    Each command of the group has the option `--allow-import`.
    """

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name, with a short help that is not cut."""
        command = super().get_command(ctx, cmd_name)
        if command is None:
            return command
        if command.help and not command.short_help:
            command.short_help = command.help.partition("\n\n")[0].partition("\f")[0]
        is_group = isinstance(command, TyperGroup)
        if not is_group and all(option.name != ALLOW_IMPORT for option in command.params):
            command.params.append(_allow_import_option())
        return command
