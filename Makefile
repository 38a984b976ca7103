.DEFAULT_GOAL := help
.PHONY: help run test simulate fuzz nodes audit setup build check check-aws graph bench bench-peers rehearsal images deploy destroy install uninstall
SHELL := /bin/bash
begun := $(shell date +%s)
# The last line of what takes long: how long it took, however it ended.
seconds = code=$$?; echo "make $@: $$(($$(date +%s) - $(begun))) s"; exit $$code

sources := $(shell find src functions batch-images scripts state-machines -type f 2>/dev/null)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: node_modules/.installed ## install what package-lock.json names

node_modules/.installed: package-lock.json
	@echo "Installing packages …"
	@npm ci --no-audit --no-fund --loglevel=error
	@ln -sf ../../dist/cli/afterbell.mjs node_modules/.bin/afterbell
	@touch $@

build: dist/.built ## bundle functions, jobs and the command line into dist/

dist/.built: node_modules/.installed $(sources)
	@node scripts/build.mjs
	@chmod +x dist/cli/afterbell.mjs
	@touch $@

run: build ## a whole night on this machine, no account needed (SYMBOLS=5400 for a full market)
	@$(if $(SYMBOLS),SYMBOLS=$(SYMBOLS)) node dist/cli/afterbell.mjs night
	@echo "      more: docs/query.md"

install: build ## an `afterbell` for every folder: a link to this checkout in ~/.local/bin (PREFIX=/usr/local for its bin)
	@node scripts/launcher.mjs install

uninstall: ## remove that link again
	@node scripts/launcher.mjs uninstall

check: setup ## format, lint, types
	@npx biome check --error-on-warnings .
	@npx tsc --noEmit
	@node scripts/graph.mjs --check

test: check build ## format, types and every test but the rehearsal and the scan
	@npx vitest run --project together --project alone; $(seconds)

simulate: setup ## draw nights, faults and owners from seeds, and check what comes of them (SEEDS=1000; SEED=7 steps through one)
	@node test/simulation/program.mjs

fuzz: build ## RUNS=10000 inputs at every place where bytes come in from outside (SEED=1 FUZZ_PATH=0:1 shows one again)
	@seed=$(or $(SEED),$$((RANDOM * 32768 + RANDOM))); echo "Seed $$seed"; \
	  FUZZ_RUNS=$(or $(RUNS),10000) FUZZ_SEED=$$seed npx vitest run test/fuzz

NODES = $(filter-out $(shell node -p 'process.versions.node.split(".")[0]'),22 24)

nodes: build ## a practice night and engine-sensitive tests on those of Node 22 and 24 that `make test` does not run on (NODES=24)
	@for version in $(NODES); do \
	  npx --yes --package=node@$$version -- bash scripts/on-this-node.sh || exit 1; done; $(seconds)

audit: build ## the supply chain: every platform's hashes, the list of parts, registry signatures
	@node scripts/audit.mjs

check-aws: setup ## ask AWS itself about machines, recorded cases, policies and the database (STAGE=dev); SKIPPED without credentials
	@node scripts/check-aws.mjs $(STAGE)

graph: ## draw the state machine into docs/state-machine.md
	@node scripts/graph.mjs

bench: build ## measure a 5,400-symbol night and both jobs (BENCH_SYMBOLS=500 BENCH_ORIGINAL=0 for a quick look)
	@node scripts/bench.mjs $(BENCH_SYMBOLS)
	@node scripts/bench-reference.mjs
	@node scripts/bench-consolidate.mjs
	@node scripts/bench-resample.mjs
	@node scripts/bench-portfolio.mjs

bench-peers: ## the same bars by DuckDB, polars, pandas and afterbell, compared row by row (BENCH_SYMBOLS=500 for a quick look)
	@node scripts/bench-peers.mjs

rehearsal: build ## terraform apply, whole nights of what it made, and destroy, in an emulated account
	@npx vitest run --project rehearsal --reporter=verbose; $(seconds)

images: build ## build both job images and push them (STAGE=dev)
	@node dist/deploy/main.mjs images "$(STAGE)"

deploy: build ## everything a stage needs, in order (STAGE=dev; YES=1 does not ask; STAGE=try PRACTICE=1 needs no keys)
	@node dist/deploy/main.mjs deploy "$(STAGE)" $(if $(YES),--yes) $(if $(PRACTICE),--practice="$(PRACTICE)")

destroy: build ## take a stage down again (STAGE=dev)
	@node dist/deploy/main.mjs destroy "$(STAGE)" $(if $(YES),--yes)
