#!/usr/bin/env bash
# Rebuilds every figure and table that is kept in results/ from nothing, says how long it takes, and compares with what is kept.
# scripts/studies/reproduce.sh --help tells more. PYTHON names the interpreter (default: .venv-test's, else .venv's, else python3).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=python3
for folder in .venv .venv-test; do
  [ ! -x "$here/../../$folder/bin/python" ] || python=$here/../../$folder/bin/python
done
exec "${PYTHON:-$python}" "$here/reproduce.py" "$@"
