"""evosim: a laboratory for base and mesa optimizers."""

__version__ = "0.1.0"
