"""The loop of one run: ask, evaluate, record, tell."""
