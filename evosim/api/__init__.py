"""The Python API: run, load, and what recorded runs, sweeps and searches say, as polars frames.

See docs/api.md.

Nothing is computed here: these are handles on folders, through the same stages that the command
line strings together.
"""

from __future__ import annotations

from evosim.api.frames import plain_names
from evosim.api.functions import account, compare, load, resolve, run, search, sweep
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
    "plain_names",
    "resolve",
    "run",
    "search",
    "sweep",
]
