"""Sweeps: many runs of one experiment, as files that no crash can spoil. See docs/sweeps.md."""
