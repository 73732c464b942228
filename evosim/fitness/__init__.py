"""Fitness of genome classes in both worlds: scored once, cached, or enumerated in blocks."""
