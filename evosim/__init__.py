"""evosim: a laboratory for base and mesa optimizers.

    import evosim
    run = evosim.run("three-losses", seed=1)   # as `evosim run`; a run that exists is read back
    run.ladder()                               # a polars frame: which stage lost it, in both worlds
    evosim.load("results/runs/FOLDER")         # a run, a sweep, or a search of a landscape

See docs/api.md.
"""

from __future__ import annotations

import os as _os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from evosim.runtime import forked_processes as _forks  # noqa: F401
from evosim.runtime import installation as _whole
from evosim.version import __version__

if _os.environ.get(_whole.COMMAND):
    _whole.tolerate()

if TYPE_CHECKING:
    from evosim.api import (
        Population,
        Run,
        Search,
        Sweep,
        account,
        compare,
        load,
        losses,
        plain_names,
        resolve,
        run,
        search,
        sweep,
    )
    from evosim.api.comparison import Comparison
    from evosim.config.allowed_imports import allow_import
    from evosim.errors import UserError
    from evosim.report.build import write_report

__all__ = [
    "Comparison",
    "Population",
    "Run",
    "Search",
    "Sweep",
    "UserError",
    "__version__",
    "account",
    "allow_import",
    "compare",
    "load",
    "losses",
    "plain_names",
    "resolve",
    "run",
    "search",
    "sweep",
    "write_report",
]

# Names are looked up when they are requested. They import tables, figures and the compiler, which
# kernels do not need.
_WHERE = {name: "evosim.api" for name in __all__ if name != "__version__"} | {
    "Comparison": "evosim.api.comparison",
    "UserError": "evosim.errors",
    "allow_import": "evosim.config.allowed_imports",
    "write_report": "evosim.report.build",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'evosim' has no attribute '{name}'")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
