"""Slow, readable twins of the kernels: the oracle of tests and of analysis. NumPy only."""
