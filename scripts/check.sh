#!/usr/bin/env bash
# What must hold before a change lands, beyond the tests. Each line says what it looks at.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=0
run() { # run WHAT COMMAND…
  local what=$1; shift
  if out=$("$@" 2>&1); then echo "ok   $what"; else failed=1; printf 'FAIL %s\n%s\n' "$what" "$out"; fi
}
formatted() { local bad; bad=$(gofmt -l $(git ls-files '*.go')); [ -z "$bad" ] || { echo "not gofmt-ed: $bad"; return 1; }; }
openapi() { diff <(go run ./cmd/hawker openapi) docs/openapi.json >/dev/null || { echo "docs/openapi.json is not what the handlers say: make openapi"; return 1; }; }
types() {
  (cd web && cp src/api/schema.d.ts /tmp/hawker-schema.$$ && npm run --silent gen && cmp -s src/api/schema.d.ts /tmp/hawker-schema.$$; s=$?; mv /tmp/hawker-schema.$$ src/api/schema.d.ts; [ $s -eq 0 ] || echo "web/src/api/schema.d.ts is not what docs/openapi.json says: make openapi"; exit $s)
}
run "gofmt" formatted
run "go vet" go vet ./...
run "staticcheck" go tool staticcheck ./...
run "builds without cgo" env CGO_ENABLED=0 go build -o /dev/null ./cmd/hawker
run "house rules" go test -count=1 .
run "OpenAPI up to date" openapi
run "generated types up to date" types
run "pages: tsc and formatting" bash -c 'cd web && npm run --silent check'
exit $failed
