# Two commands: `make` builds every figure that needs no download, `make test` runs the test suite.
# Both make .venv from the hash-checked lock files first; PYTHON (>= 3.11) and make are all they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TARGETS ?=
TESTS ?=
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := figures
.PHONY: figures paper claims report docs test test-all test-slow campaign bench gpu-check train-extra slurm-extra optax-extra trainers-extra trainers-table lint lock outdated clean

figures: $(VENV)/.ready
	@$(BIN)/python -m lastiterate.workflow.build $(TARGETS)

paper claims: $(VENV)/.ready
	@$(BIN)/python -m lastiterate.workflow.build $@

# One page with every figure and claim, and Snakemake's own report (what ran, how long, with which code) beside it.
# Without the public logs: make report TARGETS="--config public_logs=False"
report: $(VENV)/.ready
	@$(BIN)/python -m lastiterate.workflow.build report $(TARGETS)
	@$(BIN)/python -m snakemake --quiet host progress reason rules --report report-workflow.html report $(TARGETS)
	@echo "lastiterate: open report.html; report-workflow.html shows the workflow that made it"

# The documentation as a site, with the figures that have been built so far (make, make paper).
docs: $(VENV)/.ready-docs
	@$(BIN)/python -m sphinx --quiet --fresh-env --fail-on-warning docs site
	@echo "lastiterate: open site/index.html"

# What is quick (at most four minutes on two cores; it says how long it took), and all of it, with what the extras and programs at hand
# allow: the real workflow, training, SLURM, browsers, trainers' own code.
SLOW = slow or slurm or trainers or browser or network or gpu
test: $(VENV)/.ready-test
	@echo "lastiterate: the quick tests, at most four minutes on two cores; make test-all runs the others too"
	@$(BIN)/python -W error -m pytest -m "not ($(SLOW))" $(TESTS)

test-all: $(VENV)/.ready-test
	@$(BIN)/python -W error -m pytest $(TESTS)

test-slow: $(VENV)/.ready-test
	@$(BIN)/python -W error -m pytest -m "$(SLOW)" $(TESTS)

# Style of the code and of every rule file.
lint: $(VENV)/.ready-test
	@$(BIN)/python -m ruff check src tests benchmarks examples
	@$(BIN)/python -m mypy
	@$(BIN)/snakefmt --check --line-length 140 Snakefile rules
	@$(BIN)/python -m snakemake --lint
	@$(BIN)/python -m snakemake --lint --config train=smoke >/dev/null

# Faults of every kind, tried in a few minutes; for hours, with the table of docs/reliability.md: make campaign MINUTES=120
MINUTES ?= 0
campaign: $(VENV)/.ready-test
	@$(BIN)/python -W error -m pytest tests/campaign --campaign $(MINUTES) -q

bench: $(VENV)/.ready
	@$(BIN)/python benchmarks/bound.py

# Training on a GPU, measured in less than nine minutes; writes docs/gpu.md. GPU_PYTHON is a Python with torch, transformers and what
# requirements.lock has of numpy, pyarrow, pyyaml, jsonschema and grimp (default: .venv, after make train-extra). Goes on where it
# was cut off. At toy sizes, without a GPU: make gpu-check GPU_CHECK="--device cpu --toy --results /tmp/gpu.json --page /tmp/gpu.md"
GPU_PYTHON ?= $(BIN)/python
GPU_CHECK ?=
gpu-check:
	@$(GPU_PYTHON) benchmarks/gpu.py $(GPU_CHECK)

# The environment: standard-library venv, packages by hash, then this package itself from the working tree.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "lastiterate needs Python >= 3.11, but $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

# What a lock requirements-NAME.lock adds: test, docs, optax.
$(VENV)/.ready-%: requirements-%.lock $(VENV)/.ready
	$(INSTALL) --require-hashes -r $<
	@touch $@

# The extra for the tests of `lastiterate export --trainer optax` against the library itself: optax and JAX on the CPU, 400 MB.
optax-extra: $(VENV)/.ready-optax

# The extra for clusters: Snakemake's SLURM plugin, without torch.
slurm-extra: $(VENV)/.ready-slurm

# The extra for the tests of exported settings against the trainers' own code: their packages without what they depend on, which the
# tests leave out, over those of the extras train and optax.
trainers-extra: $(VENV)/.ready-trainers
$(VENV)/.ready-trainers: requirements-trainers.lock $(VENV)/.ready-train $(VENV)/.ready-optax $(VENV)/.ready-test
	$(INSTALL) --no-deps --require-hashes -r $<
	@touch $@

# The table in docs/trainers.md: 200 random schedules against each trainer's code.
trainers-table: $(VENV)/.ready-trainers
	@$(BIN)/python -W ignore tests/try_own_code.py

# The extra for training. torch is pinned in pyproject.toml but not in the lock: which build (CPU, which CUDA) is the machine's
# choice; TORCH_INDEX=https://download.pytorch.org/whl/cpu, for one, asks for the CPU build.
train-extra: $(VENV)/.ready-train
$(VENV)/.ready-train: requirements-train.lock pyproject.toml $(VENV)/.ready
	$(INSTALL) --require-hashes -r requirements-train.lock
	$(INSTALL) --no-build-isolation $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) --editable '.[train]'
	@touch $@

# Maintainers: refresh the locks from pyproject.toml, then environment.yml from the lock. Versions stay where pyproject.toml allows
# them; LOCK=--upgrade takes the newest of everything, LOCK='--upgrade-package scipy' that of one.
LOCK ?=
COMPILE = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --quiet $(LOCK) \
  --custom-compile-command 'make lock' --group build pyproject.toml
lock: $(BIN)/uv
	@$(COMPILE) --extra workflow --output-file requirements.lock
	@$(COMPILE) --extra test --extra worst-case --constraint requirements.lock --output-file requirements-test.lock
	@echo "torch==2.13.0 ; sys_platform == 'none'" | $(COMPILE) --extra train --constraint requirements-test.lock --override - \
	  --output-file requirements-train.lock
	@$(COMPILE) --extra trainers --no-deps --constraint requirements-train.lock --output-file requirements-trainers.lock
	@for extra in docs optax slurm; do \
	  $(COMPILE) --extra workflow --extra $$extra --constraint requirements-test.lock --output-file requirements-$$extra.lock || exit; done
	@$(BIN)/python -m lastiterate.workflow.environment environment.yml environment-train.yml

# Which direct dependencies have moved on since the locks were made, and why any is held back.
outdated: $(BIN)/uv
	@$(BIN)/python -m lastiterate.workflow.outdated

$(BIN)/uv: | $(BIN)/python
	$(INSTALL) uv

clean:
	rm -rf results figures/*/ logs site report.html report-workflow.html .snakemake
