#!/bin/sh
# Builds the ACME test server and its resolver into the cache; the ACME tests say "skipped" without them.
set -eu
root=$(CDPATH= cd "$(dirname "$0")/.." && pwd)
bin="${GAMBESON_CACHE:-$root/.cache}/bin"
command -v go >/dev/null || { echo "get-pebble: Go is not installed: the ACME tests will be skipped" >&2; exit 0; }
mkdir -p "$bin"
for program in pebble pebble-challtestsrv; do
    [ -x "$bin/$program" ] || GOBIN="$bin" go install "github.com/letsencrypt/pebble/v2/cmd/$program@v2.10.1"
done
