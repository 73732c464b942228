"""The command line: one module a command, assembled in `evosim.cli.main`."""
