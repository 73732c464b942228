"""`python -m evosim.cli`: the same as the command `evosim`."""

from __future__ import annotations

from evosim.cli.main import command

command()
