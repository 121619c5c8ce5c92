#!/usr/bin/env bash
# Runs every test and ends with how many passed. The race detector needs cgo; releases are built without it.
set -uo pipefail
cd "$(dirname "$0")/.."

failed=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

(cd web && npm run --silent test -- --reporter=default --reporter=json --outputFile="$dir/web.json") || failed=1

program=$(go list ./cmd/hawker)
# program_tests runs tests of the built test program: program_tests <output> -test.run …
program_tests() {
  local out=$1
  shift
  (cd cmd/hawker && go tool test2json -t -p "$program" "$dir/hawker.test" -test.v=test2json -test.timeout=20m "$@") >"$out" 2>&1
}

# Three rounds on few cores: the rooms beside those tests of the program that need no browser; those that judge pictures
# frame by frame, and many encoders at once, alone; the other journeys, which mostly wait, two at a time.
go_tests() {
  local code=0 pages='^Test(JourneyThePin|EveryOutput)' journeys half other
  CGO_ENABLED=1 go test -race -vet=off -c -o "$dir/hawker.test" ./cmd/hawker || code=1
  program_tests "$dir/plain" -test.skip="^TestJourney|$pages" &
  other=$!
  CGO_ENABLED=1 go test -race -vet=off -timeout 20m -json $(go list ./... | grep -v '/cmd/hawker$') || code=1
  wait $other || code=1
  cat "$dir/plain"

  program_tests "$dir/frames" -test.run="$pages" || code=1
  cat "$dir/frames"

  journeys=$(cd cmd/hawker && "$dir/hawker.test" -test.list='^TestJourney' | grep -vE "$pages")
  half=$(awk 'NR%2{printf "%s^%s$", n++ ? "|" : "", $0}' <<<"$journeys")
  program_tests "$dir/half" -test.run="$half" &
  other=$!
  program_tests "$dir/rest" -test.run='^TestJourney' -test.skip="$pages|$half" || code=1
  wait $other || code=1
  cat "$dir/half" "$dir/rest"
  echo "{\"Action\":\"exit\",\"Code\":$code}"
}
go_tests | node scripts/tally.mjs "$dir/web.json" || failed=1
exit $failed
