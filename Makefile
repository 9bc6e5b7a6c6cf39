# make check   everything this machine can run, and a list of what it could not; STRICT=1 makes a missing part a failure
# make soak    the exhaustive variants: all the seeds
# make bench   the figures of cmd/bench, as JSON
# make cloud-local   a system shaped like the cloud's, on this machine

SEEDS ?= 20
GO ?= go
PKGS = ./...
# Packages whose tests are about concurrency run under the race detector; it needs a C compiler.
RACE = ./tasks/... ./sheets/... ./enrichment/... ./cmd/internal/app/...

.PHONY: check soak bench build fmt vet test race fuzz-seeds

check: fmt vet test race
	@$(MAKE) --no-print-directory -s missing

build:
	$(GO) build -o bin/rowsmith ./cmd/rowsmith

fmt:
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "gofmt wants:"; echo "$$out"; exit 1; fi

vet:
	$(GO) vet $(PKGS)

test:
	ROWSMITH_SEEDS=$(SEEDS) $(GO) test -timeout 15m $(PKGS)

race:
	@if command -v $${CC:-gcc} >/dev/null 2>&1; then \
	  echo ROWSMITH_SEEDS=3 $(GO) test -race -short -timeout 20m $(RACE); \
	  ROWSMITH_SEEDS=3 CGO_ENABLED=1 $(GO) test -race -short -timeout 20m $(RACE); \
	fi

# What a machine lacks, and how to get it.
.PHONY: missing
missing:
	@none=1; \
	need() { command -v $$1 >/dev/null 2>&1 || { none=; echo "not run: $$2 (needs $$1: $$3)"; }; }; \
	need $${CC:-gcc} "tests under the race detector" "a C compiler, Debian package gcc"; \
	need java "tests against the Firestore emulator" "Debian package default-jre-headless"; \
	sdk=$$(dirname "$$(dirname "$$(readlink -f "$$(command -v gcloud || echo /usr/lib/google-cloud-sdk/bin/gcloud)")")"); \
	jar=$${ROWSMITH_FIRESTORE_JAR:-$$sdk/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar}; \
	[ -e "$$jar" ] || { none=; echo "not run: tests against the Firestore emulator (needs its jar: package google-cloud-cli-firestore-emulator of the Google Cloud CLI, or ROWSMITH_FIRESTORE_JAR)"; }; \
	need chromium "the page in a browser" "Debian package chromium"; \
	if [ -n "$$none" ]; then echo "check: all parts ran"; elif [ -n "$(STRICT)" ]; then echo "check: STRICT is set and parts are missing"; exit 1; fi

soak:
	ROWSMITH_SEEDS=500 $(GO) test -timeout 4h $(PKGS)

# A system shaped like the cloud's on this machine: Firestore emulator, Cloud Tasks double, sheetsim, one api and two workers.
.PHONY: cloud-local
cloud-local: build
	$(GO) run ./cmd/internal/cloudlocal bin/rowsmith

bench:
	$(GO) run ./cmd/bench
