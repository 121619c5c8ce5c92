#!/usr/bin/env bash
# Runs every test and ends with how many passed. The race detector needs cgo; releases are built without it.
set -uo pipefail
cd "$(dirname "$0")/.."

failed=0
counts=$(mktemp)
trap 'rm -f "$counts"' EXIT

(cd web && npm run --silent test -- --reporter=default --reporter=json --outputFile="$counts.web") || failed=1

CGO_ENABLED=1 go test -race -timeout 20m -json ./... | node scripts/tally.mjs "$counts.web"
status=("${PIPESTATUS[@]}")
[ "${status[0]}" -eq 0 ] && [ "${status[1]}" -eq 0 ] || failed=1
rm -f "$counts.web"
exit $failed
