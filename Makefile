PYTHON ?= python3
BIN = .venv/bin

.PHONY: test test-fast lint format clean

.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "kfnb needs Python 3.10 or newer: make PYTHON=/path/to/python3.x"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	touch $@

.venv/test: .venv/made pyproject.toml
	$(BIN)/python -m pip install --quiet -e '.[test]'
	touch $@

test: .venv/test lint  ## every check
	$(BIN)/python -m pytest -n 2

test-fast: .venv/test
	$(BIN)/python -m pytest -n 2 -m 'not slow'

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config setup.cfg --no-cache

format: .venv/test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
