# Each target does its own set-up; a machine needs only Python and make.
#
#   make lab      open the course in JupyterLab
#   make site     make pages of lessons and documentation, live without a kernel and a network;
#                 with SITE_FLAGS=--students, those that students may see
#   make student-bundle   write dist/cnnlesson-student-VERSION.zip, to give to students
#   make dist     build the wheel and the sdist of the library into dist/
#   make hub      start a JupyterHub with nbgrader's exchange on this machine, to try it
#   make grade    grade a bundled class of six with nbgrader, and show the scores
#   make test     run every test that can run on this machine
#   make links    ask other hosts whether the links to them still lead somewhere
#   make attacks  hand in all known attacks, and write their table into docs/security.md
#   make check    format, lint and type-check
#   make same-marks   grade simulated classes of 60 with stock nbgrader and with ours, and compare
#   make bench    measure the convolution against PyTorch, and write benchmarks/convolution.md

PYTHON ?= python3
LAB_FLAGS ?=
SITE_FLAGS ?=
PYTEST_FLAGS ?=

VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

# Without compiled bytecode every Jupyter command starts several times slower.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: lab site hub student-bundle dist grade test same-marks attacks links check notebooks \
    bench bench-visualisers bench-sandbox bench-grading constraints
.DELETE_ON_ERROR:

# --- The environment: one, which the targets below extend by what they need -----------------

# An environment holds its own path in every script: one that was moved or copied is made anew.
$(shell [ -f $(VENV)/created ] && [ "$$(cat $(VENV)/created)" != "$$(cd $(VENV) && pwd -P)" ] \
    && rm $(VENV)/created)

$(VENV)/created:
	@command -v $(PYTHON) >/dev/null || { echo "cnnlesson needs Python 3.11 or newer, and there is no '$(PYTHON)' here: install it, or name the one you have, as in 'make lab PYTHON=python3.12'." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "cnnlesson needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) -V 2>&1): install a newer one, or name one you have, as in 'make lab PYTHON=python3.12'." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "cnnlesson needs Python's venv module, which '$(PYTHON)' lacks: install it (on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@command -v uv >/dev/null || $(BIN)/python -m pip install --quiet --constraint constraints.txt uv
	@(cd $(VENV) && pwd -P) > $@

$(VENV)/with-lab: extras := lab,grading,sandbox,parallel
$(VENV)/with-test: extras := test,browser,postgres
$(VENV)/with-test: $(VENV)/with-site $(VENV)/with-hub $(VENV)/with-npm
$(VENV)/with-dev: extras := dev
$(VENV)/with-site: extras := site
$(VENV)/with-site: $(VENV)/with-lab
$(VENV)/with-hub: extras := hub
$(VENV)/with-hub: $(VENV)/with-lab

$(VENV)/with-%: $(VENV)/created pyproject.toml constraints.txt
	uv pip install --quiet --python $(BIN)/python --compile-bytecode \
	    --constraint constraints.txt --build-constraint constraints.txt --editable '.[$(extras)]'
	@touch $@

# npm, where the machine has none.
$(VENV)/with-npm: $(VENV)/with-lab
	@command -v npm >/dev/null || uv pip install --quiet --python $(BIN)/python \
	    --constraint constraints.txt --editable '.[npm]'
	@touch $@

tools/%/node_modules/.package-lock.json: $(VENV)/with-npm tools/%/package-lock.json
	npm ci --silent --prefix tools/$*
	@touch $@

# PyTorch's default wheel is gigabytes, so only this target needs it; and pip, unlike uv, finds a
# wheel that a machine was given, such as the far smaller one without CUDA.
$(VENV)/with-bench: $(VENV)/with-test
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	@touch $@

# The newest versions that pyproject.toml admits, for every platform.
constraints: $(VENV)/with-dev
	uv pip compile --quiet --upgrade --universal --all-extras --python-version 3.11 \
	    --no-header --no-annotate --output-file constraints.txt pyproject.toml

# --- Students and instructors ----------------------------------------------------------------

# Without a display there is no browser to open: Jupyter prints the address instead. It refuses
# root, the only user of many a container, unless told; it listens on this machine alone.
lab: $(VENV)/with-lab
	jupyter lab --ServerApp.ip=127.0.0.1 \
	    $(if $(filter 0,$(shell id -u)),--allow-root) \
	    $(if $(filter Linux,$(shell uname)),$(if $(DISPLAY)$(WAYLAND_DISPLAY),,--no-browser)) \
	    --LabApp.default_url=/lab/tree/notebooks/00-start-here.ipynb $(LAB_FLAGS)

SITE := build/site
site: $(VENV)/with-site tools/site/node_modules/.package-lock.json
	python tools/site/build.py $(SITE_FLAGS) $(SITE)
	@echo "The site begins at $(SITE)/index.html"

# It ends, and leaves nothing behind, at Ctrl-C; make would call that an error.
HUB := build/hub
hub: $(VENV)/with-hub tools/hub/node_modules/.package-lock.json
	@python tools/hub/box.py $(HUB)

student-bundle:
	$(PYTHON) tools/student_bundle.py dist

DIST := dist
dist: $(VENV)/with-dev
	python -m hatchling build --directory $(DIST)

# The whole loop, on a copy of the course, so that a real class is never touched. The bundled class
# may be graded where there is no sandbox, as on macOS, since we know what is in it.
CLASS := build/class
UNSANDBOXED = $(if $(shell command -v bwrap),,--SandboxedExecute.allow_unsandboxed=True)
grade: $(VENV)/with-lab
	rm -rf $(CLASS)
	mkdir -p $(CLASS)
	cp -R nbgrader_config.py source $(CLASS)
	cp -R tests/submissions $(CLASS)/submitted
	cd $(CLASS) && nbgrader generate_assignment parameter-sharing
	cd $(CLASS) && nbgrader autograde parameter-sharing $(UNSANDBOXED)
	cd $(CLASS) && nbgrader generate_feedback parameter-sharing
	@cnnlesson scores parameter-sharing --course-dir $(CLASS)

# --- Developers ------------------------------------------------------------------------------

# One worker more than cores, since half of the time a test waits for something; but each may have
# a browser and a JupyterLab, so four at most. A file stays with one worker, since its tests share
# what is slow to set up.
WORKERS := --numprocesses $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1) --maxprocesses 4 \
    --dist loadfile --no-loadscope-reorder
test: $(VENV)/with-test
	pytest $(WORKERS) $(PYTEST_FLAGS)

# What `make test` does with a few students. Like the attacks below, it is done as an ordinary
# user as well where root runs it.
same-marks: $(VENV)/with-test
	pytest --must-run sandbox --students 60 tests/test_same_marks.py

# Not a part of the tests: it needs the internet, and others' pages come and go.
links: $(VENV)/with-test
	pytest -m internet tests/test_texts.py

# The page is left to its own test, since the table is written only now.
attacks: $(VENV)/with-test
	pytest tests/test_attacks.py --must-run sandbox -k "not page_lists"
	cd tests && python -m attacks

# Committed notebooks are executed ones: run them all, as nbval will, and settle their outputs.
notebooks: $(VENV)/with-lab
	python tools/execute_notebooks.py notebooks/*.ipynb

check: $(VENV)/with-test $(VENV)/with-dev
	pre-commit run --all-files --show-diff-on-failure

# One thread each; and malloc keeps what it was given back, or page faults of big outputs decide.
bench: export OMP_NUM_THREADS := 1
bench: export OPENBLAS_NUM_THREADS := 1
bench: export MKL_NUM_THREADS := 1
bench: export MALLOC_MMAP_THRESHOLD_ := 1073741824
bench: export MALLOC_TRIM_THRESHOLD_ := 4294967296
bench: $(VENV)/with-bench
	python benchmarks/convolution.py
	pytest -m torch --must-run torch tests

bench-visualisers: $(VENV)/with-test
	python benchmarks/visualisers.py

bench-sandbox: $(VENV)/with-test
	python benchmarks/sandbox.py

bench-grading: $(VENV)/with-test
	python benchmarks/grading.py
