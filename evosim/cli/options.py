"""Options that several commands share, and commands whose options are fields of a dataclass."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

FORMATS = ("png", "svg", "pdf")

ExperimentName = Annotated[
    str, typer.Argument(help="An experiment of 'evosim list', or a TOML file.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change a parameter, e.g. optimizer.population=100."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
RunFolder = Annotated[Path, typer.Argument(help="The folder of a run.")]
FigureFormats = Annotated[
    str, typer.Option("--format", help="Comma-separated: png, svg, pdf, html.")
]
FigureSize = Annotated[
    str, typer.Option(help="screen; one: a column of 85 mm; two: two columns, 178 mm.")
]


def with_option_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Replace each parameter that is a dataclass by one option for each of its fields.

    Typer reads the options of a command from its signature. A command with many options takes
    dataclasses instead. This decorator shows typer one parameter for each field, at the place of
    the dataclass. The parameter has the annotation and the default of the field.

    Parameters
    ----------
    command : Callable
        A command. Some of its parameters are annotated with dataclasses, whose fields are annotated
        as parameters of a typer command are.

    Returns
    -------
    Callable
        The command with the longer signature. It is called with keywords only.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, type[Any]] = {}
    parameters = []
    for name, parameter in inspect.signature(command).parameters.items():
        if dataclasses.is_dataclass(hints[name]):
            groups[name] = hints[name]
            parameters += _parameters_of(hints[name])
        else:
            parameters.append(
                parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name])
            )

    @functools.wraps(command)
    def expanded(**values: Any) -> None:
        grouped = {
            name: group(
                **{field.name: values.pop(field.name) for field in dataclasses.fields(group)}
            )
            for name, group in groups.items()
        }
        command(**values, **grouped)

    expanded.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    expanded.__annotations__ = {p.name: p.annotation for p in parameters}
    return expanded


def _parameters_of(group: Any) -> list[inspect.Parameter]:
    """One keyword parameter for each field of a dataclass."""
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty
            if field.default is dataclasses.MISSING
            else field.default,
            annotation=hints[field.name],
        )
        for field in dataclasses.fields(group)
    ]
