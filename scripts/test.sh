#!/usr/bin/env bash
# Runs every test and ends with how many passed. The race detector needs cgo; releases are built without it.
set -uo pipefail
cd "$(dirname "$0")/.."

failed=0
counts=$(mktemp)
trap 'rm -f "$counts"' EXIT

(cd web && npm run --silent test -- --reporter=default --reporter=json --outputFile="$counts.web") || failed=1

# The journeys in a real browser come last and alone: a picture is judged frame by frame there.
go_tests() {
  local code=0
  CGO_ENABLED=1 go test -race -timeout 20m -json $(go list ./... | grep -v '/cmd/hawker$') || code=1
  CGO_ENABLED=1 go test -race -timeout 20m -json ./cmd/hawker || code=1
  echo "{\"Action\":\"exit\",\"Code\":$code}"
}
go_tests | node scripts/tally.mjs "$counts.web" || failed=1
rm -f "$counts.web"
exit $failed
