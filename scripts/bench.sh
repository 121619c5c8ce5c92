#!/usr/bin/env bash
# Measures the server against the limits of this machine, as ratios within one run of about a minute, and appends the
# figures to docs/evidence/bench.csv. Absolute figures drift with the machine and with what runs beside; ratios hold.
# SPAN=20s make bench measures longer.
set -euo pipefail
cd "$(dirname "$0")/.."
CGO_ENABLED=0 go build -trimpath -o bin/stampede ./cmd/stampede
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
git diff --quiet HEAD -- '*.go' 2>/dev/null || commit+=-dirty
echo "load before: $(cut -d' ' -f1-3 /proc/loadavg 2>/dev/null || uptime), cores: $(getconf _NPROCESSORS_ONLN)"
exec bin/stampede bench --hawker bin/hawker --csv docs/evidence/bench.csv --commit "$commit" --span "${SPAN:-6s}"
