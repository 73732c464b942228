"""The Python interface: run, load, and read runs, sweeps and searches as polars frames.

See docs/api.md. Nothing is computed here. Results are handles on folders, and functions call the
same stages as the command line.
"""

from __future__ import annotations

from evosim.api.frames import plain_names
from evosim.api.functions import account, compare, load, losses, resolve, run, search, sweep
from evosim.api.population import Population
from evosim.api.run_result import Run
from evosim.api.search_result import Search
from evosim.api.sweep_result import Sweep

__all__ = [
    "Population",
    "Run",
    "Search",
    "Sweep",
    "account",
    "compare",
    "load",
    "losses",
    "plain_names",
    "resolve",
    "run",
    "search",
    "sweep",
]
