#!/usr/bin/env bash
# Installs what the tests need beyond Go and Node, where apt can; elsewhere says what is missing.
set -euo pipefail

missing=()
need() { # need COMMAND PACKAGE
  command -v "$1" >/dev/null 2>&1 || missing+=("$2")
}
need gcc gcc
need ffmpeg ffmpeg
need redis-server redis-server
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || missing+=(chromium)
command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql)
if command -v fc-list >/dev/null 2>&1; then
  [ -n "$(fc-list :lang=ar 2>/dev/null)" ] || missing+=(fonts-noto-core)
else
  missing+=(fontconfig fonts-noto-core)
fi
if [ -f /etc/debian_version ]; then
  [ -e /usr/include/stdlib.h ] || missing+=(libc6-dev)
fi
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "make test needs: ${missing[*]}. Install them with your system's package manager (on macOS: brew install ffmpeg postgresql redis chromium)." >&2
  exit 1
fi
sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null 2>&1 || { echo "make test needs: ${missing[*]}. Run as root: apt-get install ${missing[*]}" >&2; exit 1; }
  sudo=(sudo)
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
