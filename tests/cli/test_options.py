"""Commands whose options are fields of a dataclass."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from evosim.cli.options import with_option_groups


@dataclass(frozen=True)
class Size:
    """A group of options."""

    width: Annotated[int, typer.Option(help="The width.")] = 3
    deep: Annotated[bool, typer.Option("--deep", help="More.")] = False


@with_option_groups
def command(name: Annotated[str, typer.Argument()], *, size: Size, last: int = 1) -> None:
    """A command."""
    typer.echo(f"{name} {size} {last}")


def test_fields_become_options_at_the_place_of_the_group() -> None:
    assert list(inspect.signature(command).parameters) == ["name", "width", "deep", "last"]


def test_the_command_gets_an_instance_of_the_group() -> None:
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, ["x", "--width", "5", "--deep"])
    assert result.stdout == "x Size(width=5, deep=True) 1\n"
    assert CliRunner().invoke(app, ["x"]).stdout == "x Size(width=3, deep=False) 1\n"
    assert "The width." in CliRunner().invoke(app, ["--help"]).stdout


def test_no_function_of_the_command_line_has_many_parameters() -> None:
    from evosim.cli import analyze, claims, figures, run, sweep
    from evosim.cli import inspect as inspecting

    for module in (analyze, claims, figures, inspecting, run, sweep):
        for function in vars(module).values():
            if inspect.isfunction(function) and function.__module__ == module.__name__:
                code = inspect.unwrap(function).__code__
                assert code.co_argcount + code.co_kwonlyargcount <= 8, function
