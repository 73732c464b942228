"""Modules of other packages that an experiment file may name.

An environment of Gymnasium may be called `MODULE:ENVIRONMENT`, and Gymnasium then imports the
module. The author of a file could run any code in this way. A module is therefore imported only if
the user has allowed it.
"""

from __future__ import annotations

import os

from evosim.errors import UserError

# The allowed modules, separated by commas. Helper processes inherit the variable.
ALLOWED = "EVOSIM_ALLOW_IMPORT"
# Adapters of Gymnasium for older environments. They import the package shimmy.
ADAPTERS = ("GymV21Environment", "GymV26Environment")


def allow_import(*modules: str) -> None:
    """Let files name modules of environments: `world.name = "gymnasium:MODULE:Env-v0"`.

    Without this permission, no module is imported because a file names it. The author of the file
    could run code here. The permission holds for this process and for the processes that it starts
    afterwards.

    Parameters
    ----------
    *modules : str
        Dotted names of modules. A package includes its modules.

    Raises
    ------
    UserError
        If an argument is not the name of a module.
    """
    for module in modules:
        if not isinstance(module, str) or not all(
            part.isidentifier() for part in module.split(".")
        ):
            raise UserError(
                f"--allow-import must be the name of a module, but is {module!r}. Write for example"
                " --allow-import mygrid."
            )
    os.environ[ALLOWED] = ",".join(dict.fromkeys([*_allowed(), *modules]))


def module_in(environment: str) -> str:
    """The module that Gymnasium imports for the name of an environment. Empty if there is none.

    Parameters
    ----------
    environment : str
        The name of an environment, as `MODULE:Env-v0`.
    """
    module, colon, _ = environment.partition(":")
    if colon:
        return module
    return "shimmy" if environment.startswith(ADAPTERS) else ""


def check_import(key: str, environment: str) -> None:
    """Raise `UserError` if the name of an environment needs a module that is not allowed.

    Parameters
    ----------
    key : str
        The key of the experiment file that holds the name, for the message.
    environment : str
        The name of an environment.
    """
    module = module_in(environment)
    allowed = any(module == name or module.startswith(f"{name}.") for name in _allowed())
    if module and not allowed:
        raise UserError(
            f"{key} names '{environment}', which imports the module '{module}', and that is not"
            f" allowed. If you trust that code, add --allow-import {module} (in Python:"
            f" evosim.allow_import({module!r}))."
        )


def _allowed() -> list[str]:
    return [name.strip() for name in os.environ.get(ALLOWED, "").split(",") if name.strip()]
