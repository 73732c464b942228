#!/usr/bin/env bash
# Rebuilds every figure and table that is kept in results/ from nothing, says how long it takes, and compares with what is kept.
# scripts/reproduce.sh --help tells more. PYTHON names the interpreter (default: .venv's, else python3).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-$here/../.venv/bin/python}
[ -x "$(command -v "$python")" ] || python=python3
exec "$python" "$here/reproduce.py" "$@"
