#!/usr/bin/env bash
# `make hostile`: every hostile job against every engine, each attempt a job of its own.
# Prints what was tried and what was contained, per engine and in sum; fails unless every
# engine ran and contained every attempt. A Docker engine is tried with DOCKER=1, and
# ENGINES names others than the usual three.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build
export RERIG_HOSTILE=1 CGO_ENABLED=0
tried=0 held=0 failed=0
for engine in ${ENGINES:-wasm gvisor namespaces} ${DOCKER:+docker}; do
  log=build/hostile-$engine.log
  go test -v -count=1 -vet=off -tags "${DOCKER:+dockerengine}" -run '^TestHostile$' -timeout 30m \
    "./node/runner/$engine" >"$log" 2>&1 || { failed=1; echo "$engine: failed, see $log"; }
  if read -r _ t _ h _ < <(grep -E "^$engine: [0-9]+ attempts, [0-9]+ contained$" "$log"); then
    echo "$engine: $t attempts, $h contained"
    tried=$((tried + t)) held=$((held + h))
  else
    echo "$engine: not tried: $(grep -m 1 -oE 'needs .*' "$log" || echo "see $log")"
    failed=1
  fi
done
echo "$tried attempts, $held contained"
[ "$failed" = 0 ] && [ "$tried" = "$held" ]
