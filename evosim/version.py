"""The version of evosim, and the name of its distribution on the package index."""

__version__ = "0.1.0"
DISTRIBUTION = "evosim-lab"  # on the package index, evosim is another program
