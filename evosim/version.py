"""The version of evosim, where every room can have it."""

__version__ = "0.1.0"
