#!/usr/bin/env bash
# `make test`: everything that runs with Go, make and a C compiler, fastest first.
# What needs more and is not there is left out, listed at the end with the reason,
# and written to build/left-out.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build
: >build/left-out.txt
CGO_ENABLED=0 go build -o build/testlog ./scripts/testlog
step() { printf '\n== %s\n' "$*"; }
leave() { printf '%s: %s\n' "$1" "$2" >>build/left-out.txt; }
gotest() { go test -json -vet=off "$@" | build/testlog build/left-out.txt; } # lists tests that skip themselves

# What needs npm: the contracts' sources, other people's clients, the owner's page, Foundry.
contracts() {
  set -e
  step "contracts: artifacts and bindings are what the sources give"
  if command -v npm >/dev/null; then
    make -s -C contracts check
    make -s -C contracts js
  else
    leave "contracts regeneration" "npm is not installed; it brings the Solidity compiler"
    leave "viem, ethers and anvil" "npm is not installed; it brings them"
  fi

  step "the owner's page is what web/ builds"
  if command -v npm >/dev/null; then
    make -s web-check
  else
    leave "the page's build" "npm is not installed; it brings Svelte and Vite"
  fi

  step "contracts: Foundry invariants, fuzz, seeded bugs"
  if ! command -v npm >/dev/null; then
    leave "Foundry and the seeded bugs" "npm is not installed; it brings forge"
  elif ! [[ "$(uname -sm)" =~ ^(Linux x86_64|Darwin arm64)$ ]]; then
    leave "Foundry and the seeded bugs" "npm has no forge for $(uname -sm)"
  else
    make -s -C contracts foundry
    make -s -C contracts seeded
  fi
}

step "format and vet"
unformatted=$(gofmt -l $(git ls-files '*.go'))
if [ -n "$unformatted" ]; then printf 'not gofmt-ed:\n%s\n' "$unformatted"; exit 1; fi
CGO_ENABLED=0 go vet -stdmethods=false ./...
CGO_ENABLED=0 go -C packaging vet ./...

step "the sandbox programs, as they ship: static, without cgo"
CGO_ENABLED=0 gotest ./node/runner/wasm/sandbox ./node/runner/gvisor/sandbox

if ! command -v "$(go env CC)" >/dev/null; then
  leave "race detector" "no C compiler ($(go env CC)); install one, for example gcc"
  race=()
  export CGO_ENABLED=0
else
  # Arithmetic of others, without a goroutine: SQLite as translated from C, signatures, hashes,
  # key derivation, compression, the EVM. Watching it took half of the time of what uses it;
  # its callers are watched.
  race=(-race)
  for p in modernc.org/sqlite/lib modernc.org/libc github.com/decred/dcrd/... golang.org/x/crypto/... \
    github.com/klauspost/compress/... github.com/ethereum/go-ethereum/core/vm github.com/holiman/uint256; do
    race+=("-gcflags=$p=-race=false -d=checkptr=0")
  done
  export GORACE="atexit_sleep_ms=20" # not a second at the end of each command that a test starts
  export CGO_ENABLED=1
fi

step "tests${race[*]:+ with the race detector}, fastest first"
slow='/(contracts|node/settle|node/runner/(cgroup|conformance|wasm|docker|namespaces|gvisor|gvisor/sandbox)|node/image|engine/llamacpp|node/discovery|node/network|testnet/chain|testnet|cmd/rerig)$'
all=$(go list ./...)
fast=$(grep -vE "$slow" <<<"$all")
gotest "${race[@]}" -timeout 10m $fast
(cd packaging && CGO_ENABLED=0 go test -json -vet=off -timeout 10m ./... | ../build/testlog ../build/left-out.txt) # a module of its own
gotest "${race[@]}" -p 2 -parallel 4 -timeout 25m ./node/settle ./node/network ./node/discovery ./node/image ./node/runner/docker \
  ./testnet/chain ./engine/llamacpp ./contracts # they wait more than they compute
for p in node/runner/cgroup node/runner/conformance node/runner/wasm node/runner/namespaces node/runner/gvisor; do
  gotest "${race[@]}" -parallel 4 -timeout 25m "./$p" # these hold what the whole machine does against a job
done
contracts >build/contracts.log 2>&1 & # beside the commands, which wait for each other most of their time
contracts=$!
gotest "${race[@]}" -parallel 4 -timeout 25m ./cmd/rerig || { wait "$contracts" || true; exit 1; } # nothing is left running
wait "$contracts" || { cat build/contracts.log; exit 1; }
cat build/contracts.log
gotest "${race[@]}" -parallel 8 -timeout 25m ./testnet # and it most of all, for the protocol's timeouts

step "lint"
if command -v golangci-lint >/dev/null; then
  CGO_ENABLED=0 golangci-lint run
else
  leave "lint" "golangci-lint is not installed"
fi

if [ -s build/left-out.txt ]; then
  step "left out"
  cat build/left-out.txt
fi
