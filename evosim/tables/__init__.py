"""Text tables and sentences about runs, one file an account."""
