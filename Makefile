# Two commands: `make demo` shows the whole job on phantoms, `make test` runs all checks. Both set up .venv themselves.

BIN := .venv/bin
READY := .venv/.ready

# Waiting threads sleep instead of spinning: on a machine that others use too, training is several times faster.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: demo label test test-slow test-newest test-lowest check docs viewer annotate test-annotate lock clean

demo: $(READY)
	@$(BIN)/python scripts/demo.py

# Label phantoms with the demo's model: an archive, the label server, and the addresses to open, until Ctrl-C.
# `make label FOLDER=FOLDER` (or DICOM=FOLDER) takes mammograms of your own, DICOM or pictures, with the model that came
# in the box; KEEP=FOLDER keeps the labels.
NAMED = $(filter-out undefined,$(origin $1))
label: $(READY)
	@exec $(BIN)/python scripts/label.py $(if $(call NAMED,FOLDER)$(call NAMED,DICOM),--folder "$(or $(FOLDER),$(DICOM))") \
		$(if $(call NAMED,KEEP),--keep "$(KEEP)")

test: check
	@$(BIN)/pytest

test-slow: check
	@$(BIN)/pytest -m slow

# The quick tests with the newest and the lowest releases that pyproject.toml allows, in build/newest and build/lowest (needs uv).
test-newest test-lowest:
	@sh scripts/test_releases.sh $(@:test-%=%)

check: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python scripts/build_bundles.py --check

# The site of guides and API, in build/site; a link that leads nowhere stops it.
docs: $(READY)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "mammoseg: open build/site/index.html, or with its search: $(BIN)/python -m http.server --directory build/site"

$(READY): requirements.lock pyproject.toml scripts/install.sh $(wildcard bundles/*/models/shipped.safetensors)
	@sh scripts/install.sh

# Fetch the OHIF viewer for `mammoseg view` and its tests.
viewer:
	@sh scripts/fetch_viewer.sh

# Build the page to annotate, /annotate/ of the label server.
annotate:
	@sh scripts/build_annotate.sh

test-annotate: annotate
	@npm test --silent --prefix monailabel_app/annotate

# Resolve requirements.lock anew (needs uv; CUDA parts and sam2 are left out, torch brings its own).
lock:
	@sh scripts/lock.sh

# Converted weights lie outside of the repository and serve every checkout: they are named and left.
CACHE = $(or $(MAMMOSEG_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/mammoseg)/converted
clean:
	rm -rf .venv build demo
	@test ! -d "$(CACHE)" || echo "mammoseg: converted weights stay in $(CACHE); deleting that folder costs a conversion"
