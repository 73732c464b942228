"""Experiments as files: read, validated, resolved to worlds, genomes and optimizers, and written
back.
"""
