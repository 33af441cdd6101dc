# `make help` lists the targets; each sets itself up on a fresh machine (a .venv with the versions of constraints.txt)
# and adds the extra that it needs. Targets that call a verb of `refocus-foundry` have its name.
SHELL   := bash
.SHELLFLAGS := -o pipefail -c
PYTHON  ?= python3
PHOTOS  ?= builtin:24
DEPTH   ?= auto
OUT     ?= out/shards
RUN     ?= out/train
RECIPE  ?= slim
REPO    ?= name/set
PHOTO   ?= photo.jpg
FOCUS   ?= 0.5,0.5
BLUR    ?= 3
STUDY ?= stacking-clean
TO      ?= out/export
FORMAT  ?= pairs
FLAGS   ?=

VENV    := .venv
BIN     := $(VENV)/bin
READY   := $(VENV)/.ready
DEV     := $(VENV)/.dev
EXTRA   := $(VENV)/.extra
FOUNDRY := $(BIN)/refocus-foundry
# Where pip finds torch without CUDA (5 GB less), used where there is no GPU and the index answers; TORCH_INDEX= for never.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
HAS_GPU := $(wildcard /dev/nvidia0 /dev/dxg)
# pip's downloads and installs, one a line as they happen (mawk would hold them back); the rest of its output is left out.
PIP     := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt
SHOWN   := sed -u -n -E -e 's/^ *((Downloading|Using cached|Processing|Building|ERROR) .*)/  \1/p' \
	-e 's/^Installing collected packages.*/  Installing the packages: a minute or more without a word/p'

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo render shards verify preview card export publish doctor fetch-depth validate bench gpu audit \
	benchmark-set benchmark gallery pictures train weights refocus \
	experiment lint test test-slow test-faults test-browser test-kernels clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): setup.cfg pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) not found; name a Python 3.10 or newer: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "make: $(PYTHON) is older than 3.10; name a newer one: make PYTHON=python3.11" >&2; exit 1; }
	@echo "make: setting up $(VENV), once, in minutes: mostly torch, of 0.2 GB (several GB where there is a GPU), and Ray"
	@$(PYTHON) -m venv $(VENV)
	@index=; if [ -z "$(HAS_GPU)" ] && [ -n "$(TORCH_INDEX)" ] && [ "$$(uname)" = Linux ]; then \
		if $(BIN)/python -c 'import urllib.request as u; u.urlopen("$(TORCH_INDEX)/torch/", timeout=5)' 2>/dev/null; then \
		index="--extra-index-url $(TORCH_INDEX)"; else echo "make: $(TORCH_INDEX) does not answer: torch comes from pip's own index, mostly with CUDA (several GB)" >&2; fi; fi; \
		$(PIP) $$index -e . | $(SHOWN)
	@echo "make: $(VENV) is ready: $$(du -sh $(VENV) | cut -f1); . $(VENV)/bin/activate puts refocus-foundry on your PATH"
	@touch $@

$(EXTRA)-%: $(READY)
	@echo "make: adding the extra $*"
	@$(PIP) -e '.[$*]' | $(SHOWN)
	@touch $@

$(DEV): $(READY)
	@echo "make: adding what lint and tests need, once, in minutes"
	@$(PIP) -e '.[dev,validate,train,browser,heic,exr,onnx]' | $(SHOWN)
	@touch $@

setup: $(READY)  ## the virtual environment, with the pinned versions

setup-dev: $(DEV)  ## the same, with what lint and tests need

demo: $(READY)  ## built-in scenes -> verified shards and a page to open, through Ray, in about a minute
	$(FOUNDRY) render --recipe demo --out out/demo $(FLAGS)
	$(FOUNDRY) verify out/demo
	$(FOUNDRY) preview out/demo

render: $(READY)  ## PHOTOS=DIR|LIST.csv|builtin:N DEPTH=auto|sidecar|MODEL OUT=DIR -> annotated shards
	$(FOUNDRY) render --photos "$(PHOTOS)" --depth "$(DEPTH)" --out "$(OUT)" $(FLAGS)

shards: render  ## the same, then verify and preview
	$(FOUNDRY) verify "$(OUT)"
	$(FOUNDRY) preview "$(OUT)"

verify: $(READY)  ## OUT=DIR: check every byte and label of a data set
	$(FOUNDRY) verify "$(OUT)"

preview: $(READY)  ## OUT=DIR: a page to look at a data set: refocus by a click, and a report
	$(FOUNDRY) preview "$(OUT)"

card: $(READY)  ## OUT=DIR: write its card, OUT/README.md, again
	$(FOUNDRY) card "$(OUT)"

export: $(READY)  ## OUT=DIR TO=DIR FORMAT=pairs|parquet|fossa|bokehdepth|frames: a data set for other trainers
	$(FOUNDRY) export "$(OUT)" --to "$(TO)" --format $(FORMAT) $(FLAGS)

publish: $(READY)  ## OUT=DIR REPO=NAME/SET: what would go to the Hugging Face hub (FLAGS=--push uploads it)
	$(FOUNDRY) publish "$(OUT)" $(REPO) $(FLAGS)

doctor: $(READY)  ## would render work here? versions, devices, disk, depth model
	$(FOUNDRY) doctor --out "$(OUT)" --depth "$(DEPTH)" $(FLAGS)

fetch-depth: TO = out/depth-model
fetch-depth: $(READY)  ## TO=DIR: download the depth model into a folder, for DEPTH=DIR where there is no internet
	$(FOUNDRY) fetch-depth "$(TO)" $(FLAGS)

validate: $(EXTRA)-validate  ## the renderer against a path tracer: error table and pictures in out/validate (hours to trace anew)
	$(FOUNDRY) validate $(FLAGS)

bench: $(READY)  ## speed side by side with direct and binned scatter, and of the whole pipeline
	$(FOUNDRY) bench $(FLAGS)

gpu: $(EXTRA)-train  ## examine this machine's GPU in under eight minutes, into docs/gpu.md; in miniature without one
	$(FOUNDRY) gpu $(FLAGS)

audit: $(READY)  ## OUT=DIR: check the labels of a data set (exit code 4 when a check fails)
	$(FOUNDRY) audit "$(OUT)" $(FLAGS)

benchmark-set: $(EXTRA)-validate  ## test set v2 into out/benchmark-set (FLAGS="--part full" for all of it)
	$(FOUNDRY) benchmark --set-only $(FLAGS)

benchmark: $(EXTRA)-validate  ## score baselines and FLAGS="--checkpoint RUN --predictions DIR" against known blur, into out/benchmark
	$(FOUNDRY) benchmark $(FLAGS)

gallery: $(READY)  ## every aperture and aberration on a night scene, into docs/gallery.jpg
	$(BIN)/python -m pipelines.pictures.lens_gallery docs/gallery.jpg

pictures: $(DEV)  ## docs/page.webp, docs/refocus.webp (needs chromium) and docs/validate.webp, in minutes
	$(FOUNDRY) render --photos builtin:7 --out out/pictures
	$(FOUNDRY) preview out/pictures
	$(BIN)/python -m tests.pipelines.preview.browser.page_pictures still out/pictures/preview/index.html docs/page.webp
	$(FOUNDRY) preview out/pictures --budget-mb 2
	$(BIN)/python -m tests.pipelines.preview.browser.page_pictures film out/pictures/preview/index.html docs/refocus.webp
	$(BIN)/python -m pipelines.validate.stored_pictures docs/validate.webp

train: $(EXTRA)-train  ## OUT=DIR RUN=DIR RECIPE=tiny|slim|base|sharpen: train a refocusing model on shards; again to resume
	$(FOUNDRY) train --recipe $(RECIPE) --data "$(OUT)" --out "$(RUN)" $(FLAGS)

weights: $(EXTRA)-train  ## train anew what `refocus` uses by default: built-in scenes, then hours on a CPU; again to resume
	$(FOUNDRY) render --photos builtin:360 --out out/weights-data --long-side 256 --planes 5 --levels 3 \
		--blur-level-min 0.5 --blur-level-max 6 --split-fractions 1.0 0.0 0.0 --samples-per-shard 30
	$(FOUNDRY) train --recipe sharpen --data out/weights-data --out out/weights $(FLAGS)
	$(BIN)/python -m pipelines.train.release out/weights

refocus: $(READY)  ## PHOTO=FILE FOCUS=X,Y BLUR=PERCENT: refocus one photo (FLAGS="--checkpoint RUN" for a model of yours)
	$(FOUNDRY) refocus "$(PHOTO)" --focus "$(FOCUS)" --blur-level $(BLUR) $(FLAGS)

experiment: $(EXTRA)-train $(EXTRA)-benchmark  ## STUDY=ways|stacking-clean|...: arms and seeds side by side; hours on a CPU, again to resume
	$(FOUNDRY) experiment --study $(STUDY) $(FLAGS)

lint: $(DEV)  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint  ## lint and every test, on all cores (no network and no GPU once installed)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --dist loadfile $(FLAGS)

test-slow: $(DEV)  ## the tests that take minutes: training, the wheel in a fresh environment
	$(BIN)/python -m pytest -m slow $(FLAGS)

test-faults: $(DEV)  ## crashes provoked on purpose: workers, nodes, driver, disk, an S3 store (minutes)
	$(BIN)/python -m pytest -m faults $(FLAGS)

test-browser: $(DEV)  ## the preview page in a real browser: needs Debian's chromium (or CHROMIUM=PATH)
	@command -v $${CHROMIUM:-chromium} >/dev/null || { echo "make: no chromium here; install it: apt-get install chromium, or name one: CHROMIUM=/path/to/chrome make test-browser" >&2; exit 1; }
	$(BIN)/python -m pytest tests/pipelines/preview/browser $(FLAGS)

test-kernels: $(DEV)  ## the GPU's kernels without a GPU, by Triton's interpreter (installs Triton where it is missing: 1 GB)
	@$(BIN)/python -c 'import triton' 2>/dev/null || $(PIP) -e '.[kernels]' | $(SHOWN)
	TRITON_INTERPRET=1 $(BIN)/python -m pytest -m kernels tests/kernels $(FLAGS)

clean:  ## remove what make made, but never data sets in out/
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
