"""The error of all checks of genomes."""

from __future__ import annotations


class InvalidGenome(ValueError):
    """A genome breaks a rule. The message names the value, the rule and a remedy."""
