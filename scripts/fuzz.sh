#!/usr/bin/env bash
# Runs every fuzz target for the given time each.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
for dir in $(git grep -l '^func Fuzz' -- '*_test.go' | xargs -n1 dirname | sort -u); do
  for target in $(grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | sed 's/^func //' | sort -u); do
    printf '== %s %s\n' "$dir" "$target"
    go test -vet=off -run '^$' -fuzz "^$target\$" -fuzztime "$1" "./$dir"
  done
done
