# Sourced by the scripts: where the repository is, and how many jobs fit in this machine.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# One compiler needs up to 1.5 GiB on the files that include Boost.Beast.
job_count() {
  local cores memory_kib fit
  cores=$(nproc)
  memory_kib=$(awk '/MemAvailable/ {print $2}' /proc/meminfo)
  fit=$((memory_kib / 1572864))
  ((fit < 1)) && fit=1
  echo $((cores < fit ? cores : fit))
}

say() { printf '%s\n' "$*"; }
fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}
