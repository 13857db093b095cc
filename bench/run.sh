#!/usr/bin/env bash
# Measures the built server with the load generator and judges the bars of the project, then the
# kernels under it. Builds nothing. Options are those of bars.py: --quick, --only, --keep-data.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
for program in ashlar ashlar-bench micro_kernels_benchmark; do
  if [[ ! -x build/release/bin/$program ]]; then
    echo "bench: build/release/bin/$program is missing; run 'make build' first" >&2
    exit 2
  fi
done
verdict=0
python3 bench/bars.py "$@" || verdict=$?
if (($# == 0)); then
  printf '\nkernels, one thread:\n'
  build/release/bin/micro_kernels_benchmark --benchmark_min_time=0.1 2> /dev/null
fi
exit "$verdict"
