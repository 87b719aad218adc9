# Every target sets up what it needs in .venv; nothing else has to be installed first.
PYTHON ?= python3
VENV := .venv
SOURCE ?= sample
BIN := $(VENV)/bin
PLAIN := .cache/plain
SCHEMA := $(BIN)/check-jsonschema --builtin-schema vendor

.PHONY: demo test check check-format check-lint plain check-types check-imports check-hosting dist \
	lock bench docs notebook lowest golden card schemas golden-matrix golden-arm clean

demo: $(VENV)/.demo
	rm -rf demo
	$(BIN)/imagenetq build sample --out demo/imagenet-q
	$(BIN)/imagenetq verify demo/imagenet-q sample
	$(BIN)/python docs/load_demo.py demo/imagenet-q
	$(BIN)/imagenetq eval --model baseline/nearest --data demo/imagenet-q --out demo/results
	$(BIN)/imagenetq preview "$$($(BIN)/python -c 'import skimage; print(skimage.data_dir)')/chelsea.png" --out demo/preview.png

# Threads of two processes on two cores would only wait for each other.
test: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal

# .pre-commit-config.yaml has the same parts.
check: check-format check-lint check-types check-imports check-hosting

check-format: $(VENV)/.dev
	$(BIN)/ruff format --check .

check-lint: $(VENV)/.dev
	$(BIN)/ruff check .

# Type checker and import linter see the mapped folders only in a plain install.
plain: $(VENV)/.dev
	rm -rf build $(PLAIN)
	$(BIN)/pip install --quiet --no-deps --target $(PLAIN) .

check-types: plain
	cd $(PLAIN) && MYPYPATH=. ../../$(BIN)/mypy --config-file ../../pyproject.toml --cache-dir ../mypy -p imagenetq

check-imports: plain
	cd $(PLAIN) && PYTHONPATH=. ../../$(BIN)/lint-imports --config ../../pyproject.toml --no-cache

# All of it offline: schemas and rules come with the linters.
check-hosting: $(VENV)/.dev
	$(BIN)/zizmor --offline --no-progress --quiet .
	$(SCHEMA).github-workflows .github/workflows/*.yml
	$(SCHEMA).dependabot .github/dependabot.yml
	$(SCHEMA).github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(SCHEMA).github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	$(SCHEMA).citation-file-format CITATION.cff
	$(BIN)/hadolint --no-color Dockerfile

# What is published: built, checked, and installed and used in clean environments.
dist: $(VENV)/.dist
	PYTHONPATH=tests/support $(BIN)/python tests/dist.py

# Any registry may serve it: the lock names the public one.
lock: $(VENV)/.dist
	$(BIN)/uv lock --default-index https://pypi.org/simple

bench: $(VENV)/.bench
	for table in render decoding build executors streaming; do \
		$(BIN)/python benchmarks/$$table.py $(SOURCE) || exit 1; \
	done
	if command -v nvidia-smi >/dev/null; then \
		for table in evaluation gpu hot_spots gpus distort; do \
			$(BIN)/python benchmarks/$$table.py $(SOURCE) || exit 1; \
		done; \
	fi

# Strict: a lost link or an undocumented name is an error. The site opens from disk.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Runs docs/quickstart.ipynb, and keeps what it gives.
notebook: $(VENV)/.dev
	$(BIN)/python docs/run_notebook.py

# With OPTIONS=--torch, gigabytes are downloaded for the lowest torch.
lowest: $(VENV)/.dev
	$(BIN)/python tests/lowest.py $(OPTIONS)

golden: $(VENV)/.dev
	$(BIN)/python tests/golden/regenerate.py

card: $(VENV)/.dev
	$(BIN)/python -c 'from pathlib import Path; from imagenetq.builder.card import refresh_template as r; r(Path("dataset_card.md"))'

schemas: $(VENV)/.dev
	$(BIN)/python -c 'from pathlib import Path; from imagenetq.evaluate.leaderboard.entry.schema import write_schemas as w; w(Path("leaderboard/schema"))'

golden-matrix: $(VENV)/.dev
	$(BIN)/python tests/golden/matrix.py

golden-arm: $(VENV)/.dev
	$(BIN)/python tests/golden/arm.py

clean:
	rm -rf $(VENV) .cache build dist demo *.egg-info

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.%: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[$*]'
	touch $@
