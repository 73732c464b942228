"""Figures by name, with the functions that draw them; `evosim.accounts` lists them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Generic, TypeVar

from evosim import accounts
from evosim.figures.inputs import Searched, Source

Input = TypeVar("Input", Source, Searched)


@dataclass(frozen=True)
class Figure(Generic[Input]):
    """One figure.

    Attributes
    ----------
    description : str
        The content of the figure, in one line.
    draw : callable
        Gives the chart, with title and alternative text. None if there is nothing to show.
    usual : bool
        Whether it is drawn without being requested.
    """

    description: str
    draw: Callable[[Input], Any]
    usual: bool = False


def _drawable(listed: Mapping[str, accounts.Figure]) -> dict[str, Figure[Any]]:
    return {
        name: Figure(
            figure.description, import_module(f"evosim.figures.{figure.module}").draw, figure.usual
        )
        for name, figure in listed.items()
    }


FIGURES: dict[str, Figure[Source]] = _drawable(accounts.FIGURES)
SEARCH_FIGURES: dict[str, Figure[Searched]] = _drawable(accounts.SEARCH_FIGURES)
