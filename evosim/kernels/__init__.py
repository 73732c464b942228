"""Compiled kernels: plan, evaluate, reproduce, live.

Each has a readable twin in `evosim.reference`.
"""
