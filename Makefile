# make serve 打开问答页；make test 跑全部测试。首次运行会建立 .venv 并安装依赖。
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup serve test lint eval bench train clean
.DEFAULT_GOAL := help

help:
	@echo "make serve  打开问答页 http://127.0.0.1:7860"
	@echo "make test   安装并运行全部测试"
	@echo "make setup  只安装"
	@echo "make lint   代码检查"
	@echo "make eval   在自带用例上评测，报告在 runs/dev/report.html"
	@echo "make bench  测速"
	@echo "make train  重新训练随包的模型（要公开法律数据，约半小时）"

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "需要 Python 3.11 或更新的版本（可用 make PYTHON=python3.12 指定）"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(STAMP)

serve: setup
	$(BIN)/python app.py

test: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

eval: setup
	$(BIN)/python -m eval check
	rm -rf runs/dev
	$(BIN)/python -m eval run --cases eval/cases/dev.jsonl --out runs/dev

bench: setup
	$(BIN)/python -m eval bench
	$(BIN)/python -m eval retrieval

train: setup
	$(BIN)/python -m index train
	$(BIN)/python -m assistant.fit

clean:
	rm -rf $(VENV) .xiangui
