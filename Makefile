# make gate    run the gate on a recording that ships with it
# make test    run the tests, with the real servers that they need
# make check   run ruff, mypy and import-linter, build the site
# make site    build the documentation: build/site/index.html
# make release-check   build the package, and run its wheel in an environment of its own
# make bench   measure what the gate costs
# make bench-compare   measure how often comparisons are wrong

PYTHON ?= python3
VENV ?= .venv
DEMO ?= go
WORKERS ?= auto
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
SERVERS = prometheus prometheus-pushgateway victoria-metrics chromium chromium-driver \
	ruby ruby-activesupport ruby-nokogiri openssl

# RUNLEVEL=1 stops Debian's packages from starting the services that they install.
INSTALL = $(SUDO) apt-get update -q && \
	$(SUDO) env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -qy --no-install-recommends

# The variable turns off an advertisement of mkdocs-material. With --quiet, --strict sees no warning.
SITE = NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict

.PHONY: gate test check site release-check bench bench-compare clean

gate: $(VENV)/installed
	$(VENV)/bin/pytest -p deploygate --gate-demo $(DEMO)

test: $(VENV)/installed-dev servers
	$(VENV)/bin/pytest -n $(WORKERS) $(ARGS)

check: $(VENV)/installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy examples/plugin
	$(VENV)/bin/mypy examples/kind
	$(VENV)/bin/mypy docs/hooks.py
	$(VENV)/bin/lint-imports
	$(SITE)

site: $(VENV)/installed-dev
	$(SITE)

# In a directory of its own, where this project's settings are not found.
release-check: $(VENV)/installed-dev
	rm -rf dist build/release
	$(VENV)/bin/python -m build --outdir dist .
	$(VENV)/bin/twine check --strict dist/*
	$(PYTHON) -m venv build/release/venv
	build/release/venv/bin/pip install -q dist/*.whl
	build/release/venv/bin/pip check
	bin=$(CURDIR)/build/release/venv/bin; cd "$$(mktemp -d)" && $$bin/deploygate --version && \
	for expected in go:0 warning:1 no-go:2; do \
		code=0; $$bin/pytest -q -p deploygate --gate-demo "$${expected%:*}" || code=$$?; \
		[ "$$code" = "$${expected#*:}" ] || { echo "$$expected ended in $$code"; exit 1; }; \
	done

bench: SERVERS = prometheus valgrind
bench: $(VENV)/installed-dev servers
	$(VENV)/bin/python -m benchmarks

bench-compare: SERVERS = prometheus
bench-compare: $(VENV)/installed-dev servers
	$(VENV)/bin/python -m benchmarks.compare

.PHONY: servers
servers:
	@missing=$$(for name in $(SERVERS); do \
		dpkg-query -W -f '$${Status}' $$name 2>/dev/null | grep -q '^install ok installed' || echo $$name; \
	done); [ -z "$$missing" ] || { $(INSTALL) $$missing; }

$(VENV)/bin/python:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(INSTALL) python3-venv; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/pip install -q -e .
	@touch $@

$(VENV)/installed-dev: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/pip install -q -e '.[dev]'
	@touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) build dist *.egg-info .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
