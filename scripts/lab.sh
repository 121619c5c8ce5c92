#!/usr/bin/env bash
# Runs a long journey against a server of its own: scripts/lab.sh <journey> [arguments]. The journey appends what it saw to
# a file in docs/evidence as it goes, so that a run that is broken off has lost nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d "${TMPDIR:-/tmp}/hawker-lab-XXXXXX")
bin/hawker demo --data "$dir" --ready-file "$dir/ready.json" --http 127.0.0.1:0 --rtmp 127.0.0.1:0 --rtsp 127.0.0.1:0 \
  --srt 127.0.0.1:0 --webrtc 127.0.0.1:0 --webrtc-ingest 127.0.0.1:0 --metrics 127.0.0.1:0 >"$dir/log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -rf "$dir"' EXIT
for _ in $(seq 300); do
  [ -s "$dir/ready.json" ] && break
  kill -0 $server 2>/dev/null || { cat "$dir/log"; exit 1; }
  sleep 0.1
done
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
git diff --quiet HEAD -- '*.go' 2>/dev/null || commit+=-dirty
journey=$1
shift
SERVER=$server COMMIT=$commit node "web/e2e/$journey.mjs" "$dir/ready.json" "$@"
