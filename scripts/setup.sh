#!/bin/sh
# Installs what the tests, the demo and the benchmarks use, from Debian's
# packages: only what is missing, and nothing is configured or started. Debian's
# own slurmctld, slurmd and munge services are kept from starting.
set -eu

packages='dash gcc gfortran git libopenmpi-dev libc6-dev make mariadb-server munge nix-bin openmpi-bin
openssh-client procps shellcheck slurm-wlm slurmdbd strace util-linux'

missing=''
for p in $packages; do
  if ! dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'install ok installed'; then
    missing="$missing $p"
  fi
done

if [ -n "$missing" ]; then
  if ! command -v apt-get >/dev/null; then
    echo "setup: these Debian packages are needed:$missing" >&2
    exit 1
  fi
  as_root=''
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "setup: become root, or install sudo, to install:$missing" >&2; exit 1; }
    as_root=sudo
  fi
  echo "setup: installing$missing"
  # A policy that says no to every service start, for as long as this runs.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
    trap '$as_root rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
  fi
  log=$(mktemp)
  # $missing is a list of words.
  # shellcheck disable=SC2086
  if ! { $as_root apt-get update && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "setup: apt-get failed; its whole output is in $log" >&2
    exit 1
  fi
  rm -f "$log"
fi

command -v go >/dev/null || { echo "setup: go 1.26 or newer is needed: https://go.dev/doc/install" >&2; exit 1; }
