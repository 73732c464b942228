"""Runs in folders: executed, checkpointed, read back, accounted for and drawn."""
