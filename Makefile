# Hawker: make run starts everything with demo data, make test runs every test. Only Go and Node are needed;
# on Debian and Ubuntu make test installs the rest (ffmpeg, chromium, postgresql, redis, gcc) by apt.

SHELL := /bin/bash
GO ?= go
FUZZTIME ?= 20s
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
WEB_SOURCES := $(shell find web/src web/index.html web/package.json web/package-lock.json web/vite*.ts -type f 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help run build web test check bench fuzz torture histories churn simulate figures pins deps openapi screenshots fmt clean

help: ## List what make can do
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: build ## Build everything and start Hawker with demo data and a demo broadcast
	@./bin/hawker demo

build: web/dist/index.html ## Build the pages and bin/hawker
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/hawker ./cmd/hawker

web: web/dist/index.html ## Build the pages alone

web/node_modules/.installed: web/package.json web/package-lock.json
	@cd web && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.installed

web/dist/index.html: web/node_modules/.installed $(WEB_SOURCES)
	@cd web && npm run --silent build && touch dist/index.html

deps: ## Install what the tests need (Debian and Ubuntu; elsewhere it says what is missing)
	@scripts/deps.sh

test: deps web/dist/index.html ## Run every test: Go with the race detector, pages, journeys in a real browser
	@scripts/test.sh

check: web/dist/index.html ## Vet, staticcheck, formatting, house rules, OpenAPI and types up to date, tsc
	@scripts/check.sh

bench: build ## Measure against limits of this machine, as ratios within one run
	@scripts/bench.sh

fuzz: ## Fuzz every target for FUZZTIME (20s) each
	@scripts/fuzz.sh $(FUZZTIME)

TRIALS ?= 20
ENGINE ?= sqlite
torture: build ## Kill the server in a rush in TRIALS (20) more trials on ENGINE (sqlite, postgres; recorder: while it records; video: at every stage of making one; upload: cut a GiB 50 times) with FAULTS, audit, note in docs/evidence
	@$(GO) run ./cmd/torture -trials $(TRIALS) -engine $(ENGINE) -faults "$(FAULTS)"

.PHONY: crowd
crowd: build ## Let BUYERS (10000) want 100 units of 3 nodes while Redis and PostgreSQL fail, or FAULTS happen: exactly 100 must be sold; note in docs/evidence
	@$(GO) run ./cmd/torture -engine postgres -crowd $(or $(BUYERS),10000) -faults "$(if $(FAULTS),$(FAULTS),redis-hang,postgres-kill,redis-flush)"

RUNS ?= 60
hang: build ## Play RUNS (60) loaded runs in hls.js and look for its hang; provoke one under the player's guard; note in docs/evidence
	@scripts/lab.sh hang $(RUNS)

MINUTES ?= 30
soak: build ## A show of MINUTES (30) whose publisher comes anew each minute, watched over WebRTC and HLS; note in docs/evidence
	@scripts/lab.sh soak $(MINUTES)

.PHONY: handover republish doctor
handover: build ## Change the publisher CHANGES (20) times from protocol to protocol before viewers; note in docs/evidence
	@scripts/lab.sh handover handover $(or $(CHANGES),20)

republish: build ## Publish the same key CHANGES (100) times again, half of them after SIGSTOP; note in docs/evidence
	@scripts/lab.sh handover republish $(or $(CHANGES),100)

doctor: build ## Show the encoder doctor real encoders with one fault each, and some without; note in docs/evidence
	@scripts/lab.sh doctor

.PHONY: replaystart
replaystart: build ## How soon a replay has a picture: PLAYS (20) times in a real browser; note in docs/evidence
	@scripts/lab.sh replaystart $(or $(PLAYS),20)

.PHONY: rushview publishers
rushview: build ## Do 50 WHEP and 50 LL-HLS viewers keep their picture in a rush? STREAMLOAD and CHECKOUTLOAD name the generators
	@node scripts/rushview.mjs

publishers: build ## What do PUBLISHERS (200) of 1 Mbit/s cost that nobody watches, recording off and on? PEER names another server's program
	@PUBLISHERS=$(or $(PUBLISHERS),200) SECONDS=$(or $(SECONDS),30) node scripts/publishload.mjs

histories: build ## Check HISTORIES (200) recorded client histories for linearizability
	@$(GO) run ./cmd/torture -histories $(or $(HISTORIES),200)

PROTOCOL ?= whep
churn: build ## Open and close sessions of PROTOCOL (whep, hls, feed, rtmp, publish-rtmp, …): CYCLES (10000) more up to 50000, note in docs/evidence
	@$(GO) run ./cmd/churn -protocol $(PROTOCOL) -cycles $(or $(CYCLES),10000) $(if $(filter feed,$(PROTOCOL)),-warm 8000)

poison: ## Give the tools that decode uploads every file of the poison corpus
	@$(GO) test -count=1 -timeout 30m -v -run Poison ./streaming/transcode/develop

.PHONY: malformed
malformed: build ## Say what no encoder should say on the live ports: CYCLES (10000) inputs more, note in docs/evidence
	@$(GO) run ./cmd/churn -protocol malformed -total 50000 -cycles $(or $(CYCLES),10000)

simulate: ## Live through SEEDS (2000) bad days of the checkout, from seed FIRST (1); one that finds something is made short and kept
	@$(GO) test -count=1 -timeout 0 -v ./shop/simulation -args -seeds $(or $(SEEDS),2000) -first $(or $(FIRST),1) -keep

figures: build ## Measure the player in a real browser PLAYS (20) times per transport, note in docs/evidence/player.csv
	@TRIALS=$(or $(PLAYS),20) node web/e2e/figures.mjs

pins: build ## Pin N (60) more times before viewers on good and bad networks, note in docs/evidence/pins.csv
	@N=$(or $(N),60) node web/e2e/pins.mjs

openapi: ## Write docs/openapi.json and the pages' types from the handlers
	@$(GO) run ./cmd/hawker openapi > docs/openapi.json.new && mv docs/openapi.json.new docs/openapi.json
	@cd web && npm run --silent gen

screenshots: build ## Take the README's screenshots from the running program
	@node web/e2e/screenshots.mjs

fmt: ## Format Go and the pages
	@gofmt -w $$(git ls-files '*.go') && cd web && npm run --silent format

clean: ## Remove what was built
	@rm -rf bin web/dist/assets web/dist/index.html web/node_modules
