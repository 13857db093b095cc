#!/usr/bin/env bash
# Measures the built server with the built load generator and judges the bars of the project.
# Builds nothing. Options are those of bars.py: --quick, --only, --keep-data.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
for program in ashlar ashlar-bench; do
  if [[ ! -x build/release/bin/$program ]]; then
    echo "bench: build/release/bin/$program is missing; run 'make build' first" >&2
    exit 2
  fi
done
exec python3 bench/bars.py "$@"
