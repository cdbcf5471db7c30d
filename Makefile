# Rerig. `make demo` needs Go and make; `make test` a C compiler too (for the race
# detector). Everything else that a target needs is named where it is used.
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  = -s -w -X github.com/rerig/rerig/node.Version=$(VERSION)
HOST     = $(shell $(GO) env GOHOSTOS)_$(shell $(GO) env GOHOSTARCH)
TARGETS  = linux_amd64 linux_arm64 windows_amd64 darwin_arm64
export GOFLAGS := -trimpath -buildvcs=false

.PHONY: build demo test check cross release bench interop nogvisor size hostile chaos-money fuzz contracts web-check lint man clean embedded modules
build: build/rerig

# What the binary embeds: the wasm modules, and the sandbox programs of a platform: that of
# modules, and on Linux gVisor's.
modules:
	@$(MAKE) -s -C modules
sandbox-%:
	@mkdir -p build/sandbox
	@CGO_ENABLED=0 GOOS=$(word 1,$(subst _, ,$*)) GOARCH=$(word 2,$(subst _, ,$*)) $(GO) build -ldflags='-s -w' \
		-o build/sandbox/$* ./node/runner/wasm/sandbox
	@CGO_ENABLED=0 $(GO) run ./scripts/squeeze $(if $(findstring amd64,$*),-calls) build/sandbox/$* \
		node/runner/wasm/dist/$*/rerig-sandbox$(if $(findstring windows,$*),.exe).zst
	@$(if $(findstring linux,$*),CGO_ENABLED=0 GOOS=linux GOARCH=$(word 2,$(subst _, ,$*)) $(GO) build -ldflags='-s -w' \
		-o build/sandbox/gvisor_$* ./node/runner/gvisor/sandbox && \
		CGO_ENABLED=0 $(GO) run ./scripts/squeeze build/sandbox/gvisor_$* node/runner/gvisor/dist/$*/rerig-gvisor.zst)
embedded: modules sandbox-$(HOST)

build/rerig: embedded FORCE
	@CGO_ENABLED=0 $(GO) build -ldflags='$(LDFLAGS)' -o $@ ./cmd/rerig
FORCE:

# A whole network in one process tree: a real job, a real settlement, the answer.
INPUT ?=
demo: build
	@./build/rerig testnet demo $(if $(INPUT),--input '$(INPUT)')

# Everything that needs no more than Go, make and a C compiler.
test: build
	@scripts/test.sh

# Static checks; golangci-lint is installed by .ci/run.
check: embedded
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet -stdmethods=false ./...
lint: embedded
	golangci-lint run

cross: modules $(addprefix sandbox-,$(TARGETS))
	@for t in $(TARGETS); do os=$${t%_*}; arch=$${t#*_}; ext=; [ $$os = windows ] && ext=.exe; \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -ldflags='$(LDFLAGS)' -o build/rerig-$$os-$$arch$$ext ./cmd/rerig || exit 1; \
		ls -l build/rerig-$$os-$$arch$$ext | awk '{print $$5, $$9}'; done

# What users install, in build/release: archives, .deb, HiveOS package, modules inside,
# checksums; signed where RERIG_RELEASE_KEY names a minisign key (docs/packages.md).
release: cross man
	@cd packaging && CGO_ENABLED=0 $(GO) run ./release -source .. -built ../build -out ../build/release \
		-version '$(VERSION)' -epoch $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null || echo 1))
	@cat build/release/SHA256SUMS

# The manual, a page for each command in build/man, and the completions of three shells: for packages.
man: embedded
	@rm -rf build/man build/completions && mkdir -p build/completions
	@CGO_ENABLED=0 $(GO) build -tags man -ldflags='$(LDFLAGS)' -o build/rerig-man ./cmd/rerig
	@SOURCE_DATE_EPOCH=$(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null || echo 1)) build/rerig-man man build/man
	@for s in bash zsh fish; do build/rerig-man completion $$s >build/completions/rerig.$$s || exit 1; done; rm build/rerig-man

# The same program without gVisor: smaller, and it sells no containers held by it.
# Its functions begin at every 16 bytes, not 32, and it fetches over HTTP/1.1 alone: half a
# megabyte each.
nogvisor: embedded
	@CGO_ENABLED=0 $(GO) build -tags nogvisor,nethttpomithttp2 -ldflags='$(LDFLAGS) -funcalign=16' -o build/rerig-nogvisor ./cmd/rerig

# Small disks have to hold it: bytes on linux/amd64, with gVisor and without.
size: build nogvisor
	@for w in rerig:95000000 rerig-nogvisor:60000000; do f=build/$${w%:*}; n=$$(($$(wc -c <$$f))); \
		echo "$$f: $$n bytes of $${w#*:}"; [ $$n -le $${w#*:} ] || { echo "too large: see what came in with: go tool nm -size"; exit 1; }; done

# Gas is measured first: what the tables of contracts/ say is what this run's chain charges.
# What needs root, npm or a C compiler is left out without it, and says so.
bench: build nogvisor
	@CGO_ENABLED=0 $(GO) test -count=1 -run '^(TestGas|TestScale)$$' ./contracts
	@$(GO) run ./bench

# Regenerates artifacts and bindings (Node 20 and npm); `make -C contracts check` compares.
contracts:
	@$(MAKE) -C contracts generate

# Hostile jobs against every engine, each attempt a job of its own (Linux, root; some minutes).
hostile: embedded
	@scripts/hostile.sh

# The owner's page of a node, from its sources in web/ (Node 20 and npm).
web: FORCE
	@cd web && npm ci --no-audit --no-fund --ignore-scripts >/dev/null && npm run -s build >/dev/null && ls -l ../node/dashboard/dist | awk 'NR > 1 {n += $$5} END {print "node/dashboard/dist:", n, "bytes"}'
web-check:
	@cd web && npm ci --no-audit --no-fund --ignore-scripts >/dev/null && npx --no-install vite build --logLevel warn && node pack.mjs check

# Clients of the OpenAI API that nobody here wrote, against `rerig serve` (Linux, root, Node 20 and npm).
interop: embedded
	@mkdir -p build
	@CGO_ENABLED=0 $(GO) test -count=1 -run '^Test(Interop|Images)$$' -timeout 10m -v ./testnet >build/interop.txt 2>&1 || { cat build/interop.txt; exit 1; }
	@grep -E '^interop ' build/interop.txt

# A rig and a requester are killed KILLS times, at every kind of moment: no money may go.
chaos-money: embedded
	@cd testnet && $(GO) test -run '^TestRandomKills$$' -count=1 -timeout 0 -kills=$(or $(KILLS),500)

fuzz:
	@scripts/fuzz.sh $(or $(FUZZTIME),20s)

clean:
	rm -rf build node/runner/wasm/dist/*/rerig-sandbox* node/runner/gvisor/dist/*/*.zst modules/dist/*
