# One word per habit. `make check` after each change; `make test` is what CI runs; `make demo` shows everything at work. Both do their own set-up.
DEBIAN_PACKAGES = libsqlite3-dev libcurl4-openssl-dev zlib1g-dev libzip-dev libxlsxwriter-dev libqrencode-dev libpng-dev libvips42 tzdata sqlite3 \
  python3 python3-venv faketime curl zbar-tools librsvg2-bin chromium nginx caddy iproute2 binutils libreoffice-calc-nogui
# What the tests compare with, and what drives their browser, in an environment of its own; without it those tests are skipped and say so.
PYTHON_PACKAGES = pyxform==4.5.0 openpyxl==3.1.5 playwright==1.65.2 axe-playwright-python==0.1.8
# Turns on the package trait of what serves, which apps do not resolve. Every command names the same traits: otherwise pinned versions move.
SERVER = --traits Server
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: deps build tools tls demo shots rehearse-hard storm check test forms-score outside sim restores steps mutants bench lint format proto clean

# Installs the Debian packages the build and the tests use, once; elsewhere it only says what is needed.
deps:
	@if command -v apt-get >/dev/null 2>&1; then \
	  missing=""; for p in $(DEBIAN_PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	  if [ -n "$$missing" ]; then echo "Installing:$$missing"; $(SUDO) apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing >/dev/null; fi; \
	else echo "Not Debian: provide SQLite 3.40+, zlib, libzip, libxlsxwriter, libqrencode, libpng and libcurl with headers yourself, and libvips."; fi
	@if ! .build/python/bin/python -c 'import pyxform, openpyxl, playwright, axe_playwright_python' 2>/dev/null; then \
	  python3 -m venv .build/python && .build/python/bin/python -m pip install -q --disable-pip-version-check $(PYTHON_PACKAGES) || \
	  echo "Without $(PYTHON_PACKAGES) some form and browser tests are skipped."; fi
	@command -v swift >/dev/null 2>&1 || { echo "Swift 6.1 or later is needed: see swift.org/install"; exit 1; }

build: deps
	swift build $(SERVER)

# `field` and `hub` as they are to be copied to other machines: optimised, without need of Swift there, the hub with TLS; in .build/release.
tools: deps
	for tool in field hub rehearsal; do swift build -c release --static-swift-stdlib --traits TLS --product $$tool || exit 1; done

# A certificate renewed under a hub that serves: of the tools that `make tools` made.
tls: tools
	swift build $(SERVER) --build-tests
	SYNCKIT_TLS_HUB=.build/release/hub swift test $(SERVER) --skip-build --filter '^ToolTests\.CertificateTests'

# After each change: lint, an incremental build and the fast tests of what the change can reach.
check: deps lint
	swift build $(SERVER) --build-tests
	scripts/tests.py check

test: deps lint
	swift build $(SERVER) --build-tests
	scripts/tests.py all
	scripts/outside.sh

# Builds the notes example in a package outside: counts what is resolved, looks for a hub's symbols, and lets the app exchange with a hub.
outside: build
	scripts/outside.sh

# Replicas, carriers and a hub from one seed: `make sim SEEDS=1000 FIRST=1`, or one again with `make sim SEED=42`.
# FAULTS=clone,hubRestored: only these; LINKED=1: rows that are tied to one another; PHOTOS=1: photos, and bundles that carry them;
# ALL=1: names every seed that fails, instead of shrinking the first.
# It is built in release, in a folder of its own: minutes the first time, then about twice as many seeds a minute.
SIMULATION = --configuration release --scratch-path .build/simulation
sim:
	SYNCKIT_SIMULATION=1 swift build $(SERVER) $(SIMULATION) --build-tests -Xswiftc -enable-testing
	env SYNCKIT_SIMULATION=1 SIM_FAULTS=$(FAULTS) SIM_LINKED=$(LINKED) SIM_PHOTOS=$(PHOTOS) SIM_ALL=$(ALL) \
	  $(if $(SEED),SIM_SEED=$(SEED) SIM_KEEP=$(KEEP),SIM_SEEDS=$(or $(SEEDS),1000) SIM_FIRST=$(or $(FIRST),1)) \
	  swift test $(SERVER) --skip-build $(SIMULATION) --filter '^SimulationTests\.SimulationTests'

# Every small history of restores (two devices, three batches, three backups, any of them put back, twice), and seeds in which any backup is put
# back.
restores:
	swift build $(SERVER) --build-tests
	SIM_RESTORES=all swift test $(SERVER) --skip-build --filter '^SimulationTests\.(ExhaustiveRestoreTests/|SimulationTests/anyBackup)'

# A kill at every storage step of many pieces of work, or of one: `make steps STORY="a restored hub"`.
steps:
	swift build $(SERVER) --build-tests
	SIM_STEPS=1 SIM_STORY="$(STORY)" swift test $(SERVER) --skip-build --filter '^SimulationTests\.EveryStepTests'

# Deliberate faults, one by one, and which test finds each: `make mutants`, or `make mutants ONLY="merge seal"`. Takes an hour.
mutants: deps
	scripts/mutants.py $(ONLY)

# Says of each form of the corpus whether it is accepted, by feature: docs/forms-score.md. Fails when an outcome changes, and shows how the file differs.
forms-score: deps
	swift build $(SERVER) --build-tests
	FORMS_SCORE=write swift test $(SERVER) --skip-build --filter '^SurveyKitTests\.FormsScoreTests'
	sed -n '5,18p' docs/forms-score.md
	git diff --exit-code --stat docs/forms-score.md docs/forms.md

# The table of docs/performance.md: beside plain SQLite in the same run. QUICK=1: all workloads, smaller, in four minutes.
# MILLION=1: first syncs of a million rows, too.
bench: deps
	@command -v valgrind >/dev/null 2>&1 || $(SUDO) apt-get install -y -qq --no-install-recommends valgrind binutils >/dev/null || true
	swift build -c release --static-swift-stdlib --package-path Benchmarks
	Benchmarks/.build/release/bench $(if $(QUICK),--quick) $(if $(MILLION),--million)

lint:
	swift format lint --strict --parallel --recursive Sources Tests Examples Benchmarks/Sources Benchmarks/Package.swift Package.swift
	scripts/lint.sh

format:
	swift format format --in-place --recursive Sources Tests Examples Benchmarks/Sources Benchmarks/Package.swift Package.swift

# Regenerates the Swift of proto/synckit.proto.
proto:
	scripts/generate-proto.sh

# A dress rehearsal of the Bắc Giang campaign: 209 communes, then the board stays up. ONCE=1 exits after the proof.
demo: build
	scripts/demo.sh $(if $(ONCE),--once)

# A picture of every page of the console on a rehearsed day, in docs/console: two sizes, both schemes. Look at each before it is committed.
# ENGLISH=1 OUT=.build/english: the same pages in English, elsewhere.
shots: build
	.build/python/bin/python scripts/shots.py $(if $(OUT),--out $(OUT)) $(if $(ENGLISH),--english)

# Real devices over poor links, strangers beside them, a disk that fills, then the proof: all communes and optimised tools, with the p99 held to
# 3 times that without strangers. DEVICES=20 MINUTES=3: fewer and shorter; BIN=.build/debug: other tools, without judging their figures;
# BARE=1: an nginx that only hands calls on, without what docs/operations.md recommends.
rehearse-hard: deps
	$(if $(BIN),,$(MAKE) tools)
	scripts/rehearse_hard.py --bin $(or $(BIN),.build/release) --devices $(or $(DEVICES),0) --minutes $(or $(MINUTES),9) $(if $(BIN),,--figures) $(if $(BARE),--bare)

# Real processes killed, cloned, put back and restored at random, links that are cut, damaged messages and stores; then the proof. MINUTES=30 SEED=7:
# longer, and with other dice.
storm: build
	scripts/storm.py --minutes $(or $(MINUTES),10) --seed $(or $(SEED),1)

clean:
	rm -rf .build demo
