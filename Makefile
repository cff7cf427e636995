# Everything runs in .venv, which the first target makes. Needs Python 3.11+ and make, nothing else.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test quick check bench bench-history docs accuracy fuzz lakehouse clean

demo: .venv/demo.done
	$(BIN)/pfsetl demo

test: .venv/dev.done check
	$(BIN)/python -m pytest -n 4 --dist loadfile

quick: .venv/dev.done
	$(BIN)/python -m pytest tests/spec tests/unit -n 2 --dist loadfile -m "not process and not server and not real and not long and not slow"

check: .venv/dev.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/dev.done
	$(BIN)/python -m tools.bench
	$(BIN)/python -m tools.bench_flows
	$(BIN)/python -m tools.bench_publication
	$(BIN)/python -m tools.bench_claims
	$(BIN)/python -m tools.bench_companions

bench-history: .venv/dev.done
	$(BIN)/python -m tools.bench_history

docs: .venv/dev.done
	$(BIN)/python -m tools.write_docs

accuracy: .venv/dev.done
	$(BIN)/python -m tools.write_accuracy

fuzz: .venv/dev.done
	$(BIN)/python -m tools.fuzz --page --count $(or $(COUNT),6000) --seed $(or $(SEED),1)

# Readers that are too large for every test: DuckDB with the extensions of its version, and Spark, which needs a Java.
lakehouse: .venv/lakehouse.done
	$(BIN)/python -m pytest -n 0 tests/unit/test_duckdb_extensions.py tests/unit/test_spark.py

clean:
	rm -rf .venv

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "pfsetl needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv

.venv/demo.done: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) --editable . duckdb
	touch $@

.venv/dev.done: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) --editable '.[dask,s3,dev]'
	touch $@

.venv/lakehouse.done: .venv/dev.done
	rm -rf .venv/lakehouse
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --target .venv/lakehouse/duckdb \
		duckdb==1.5.5 duckdb-extension-avro==1.5.5 duckdb-extension-httpfs==1.5.5 duckdb-extension-iceberg==1.5.5
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --target .venv/lakehouse/spark pyspark==4.3.0
	touch $@
