# What a person needs: make build, make demo, make test, make bench.
# Everything that is made goes below build/.

# An empty environment (env -i) has neither PATH nor HOME.
export PATH := $(PATH):/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ifndef HOME
export HOME := $(shell getent passwd "$$(id -u)" | cut -d: -f6)
endif
export CGO_ENABLED := 0
# urfave/cli can write manual pages; the Markdown library for that costs every
# start of a program 4 ms and more.
export GOFLAGS := $(GOFLAGS) -tags=urfave_cli_no_docs

VERSION := 0.1.0
COMMIT := $(shell git rev-parse HEAD 2>/dev/null)
COMMAND := github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command
LDFLAGS := -s -w -X $(COMMAND).Version=$(VERSION) -X $(COMMAND).Commit=$(COMMIT)
# The private cluster runs as who starts it, and Debian's /nix belongs to root.
# Go's build cache of that part stays here, so that nothing of root's is left
# in a home directory.
AS_ROOT := $(shell [ "$$(id -u)" = 0 ] || echo sudo env PATH="$$PATH" HOME="$$HOME" GOCACHE="$(CURDIR)/build/go-cache" GOFLAGS="$(GOFLAGS)")

.PHONY: build testbed install setup demo test slowest faults lint realnix bench clean

build:
	go build -trimpath -ldflags '$(LDFLAGS)' -o build/nixbatch ./cmd/nixbatch

testbed:
	go build -o build/testbed ./internal/testbed/cmd/testbed

PREFIX ?= /usr/local
install: build
	install -D -m 755 build/nixbatch '$(DESTDIR)$(PREFIX)/bin/nixbatch'

setup:
	@sh scripts/setup.sh

demo: setup build
	@go build -o build/demo-cluster ./internal/testbed/cmd/demo
	@$(AS_ROOT) build/demo-cluster build/nixbatch examples build/demo

lint:
	@out=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$out" ] || { echo "gofmt: $$out"; exit 1; }
	go vet ./...
	GOARCH=arm64 go vet ./...
	shellcheck scripts/*.sh .ci/run

test: setup lint
	@go mod download
	$(AS_ROOT) env CGO_ENABLED=0 go test -count=1 -timeout 4h ./...

# The ten slowest tests, with their seconds. PKG=./slurm looks at one package.
PKG ?= ./...
slowest: setup
	@$(AS_ROOT) env CGO_ENABLED=0 go test -count=1 -timeout 4h -json $(PKG) | \
		sed -n 's/.*"Action":"[a-z]*","Package":"\([^"]*\)","Test":"\([^"/]*\)","Elapsed":\([0-9.]*\).*/\3 \1 \2/p' | sort -rn | head -10

# The fault campaign: a thousand faults of every kind there is, the real queue
# as judge. NIXBATCH_FAULTS_KINDS='late.*' takes some kinds, NIXBATCH_FAULTS_SEED
# the faults of an earlier run.
NIXBATCH_FAULTS ?= 1000
faults: setup
	$(AS_ROOT) env CGO_ENABLED=0 NIXBATCH_FAULTS='$(NIXBATCH_FAULTS)' NIXBATCH_FAULTS_KINDS='$(NIXBATCH_FAULTS_KINDS)' \
		NIXBATCH_FAULTS_SEED='$(NIXBATCH_FAULTS_SEED)' go test -count=1 -timeout 4h -v -run TestFaultCampaign ./internal/campaign
	$(AS_ROOT) env CGO_ENABLED=0 NIXBATCH_TASKS=1100 go test -count=1 -timeout 4h -v -run TestManyTasks ./cmd/nixbatch

# What an optimised build changes on a real package set: NIXPKGS is the directory of a
# nixpkgs, QCHEM that of NixOS-QChem. Evaluated only; docs/builds.md has what it printed.
realnix:
	@go build -o build/realnix-table ./internal/testbed/cmd/realnix
	@build/realnix-table -nixpkgs '$(NIXPKGS)' -qchem '$(QCHEM)'

bench: setup build
	@go build -o build/bench ./internal/testbed/cmd/bench
	@go build -trimpath -ldflags '-s -w' -o build/ ./internal/testbed/cmd/nothing ./internal/testbed/cmd/libraries
	@$(AS_ROOT) build/bench build/nixbatch examples
	@go test -run '^$$' -bench . -benchtime 200ms ./cpuflags ./slurm ./slurm/hostlist ./internal/cluster ./internal/plan ./internal/resources ./internal/nix ./internal/durable ./internal/digest

clean:
	rm -rf build
