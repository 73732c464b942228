"""What is raised for a genome that cannot be."""

from __future__ import annotations


class InvalidGenome(ValueError):
    """A genome that breaks a rule. The message names the offender, the rule and the remedy."""
