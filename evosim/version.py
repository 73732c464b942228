"""The version of evosim and the name of its distribution, where every room can have them."""

__version__ = "0.1.0"
DISTRIBUTION = "evosim-lab"  # what pip calls it: on the package index, evosim is another program
