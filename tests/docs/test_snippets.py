"""Every command and snippet of README and docs does what a reader expects.

Snippets that are not run say so in the page, and are listed here.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.docs
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "docs"))

import snippets  # noqa: E402

# Blocks that tests do not run. A new one must be added here, so that its number is visible.
IDLE: dict[tuple[str, str, str], int] = {
    ("api.md", "not run", "a file of its own; tests/api/test_run_result.py runs it"): 1,
    ("README.md", "not run", ".ci/run runs it, word for word"): 1,
    ("README.md", "not run", "makes an environment; .ci/run tries its end"): 1,
    ("README.md", "not run", "CONTRIBUTING.md sets up the environment"): 1,
    ("README.md", "slow", "minutes"): 1,
    ("claims.md", "slow", "minutes to half an hour"): 1,
    ("clusters.md", "not run", "needs Slurm"): 2,
    ("clusters.md", "not run", "needs Slurm; tests/sweeps/test_job_array.py compares it"): 1,
    (
        "clusters.md",
        "not run",
        "needs several machines; tests/sweeps/test_dask_engine.py has its own",
    ): 1,
    ("hills.md", "slow", "half a minute each"): 1,
    ("population-genetics.md", "slow", "minutes"): 1,
    (
        "own.md",
        "not run",
        "of an installed package; tests/docs/test_own.py does what this page says",
    ): 5,
    ("security.md", "not run", "needs a container"): 1,
    ("tutorial.md", "not run", "installs a package; tests/cli/test_new.py does"): 1,
    ("tutorial.md", "not run", "needs Slurm"): 1,
    ("tutorial.md", "slow", "a minute or two"): 1,
    ("validate.md", "slow", "minutes"): 1,
}


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[snippets.Page]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("COLUMNS", "140")
    with snippets.all_small():
        yield snippets.Page(tmp_path)


@pytest.mark.parametrize("path", snippets.PAGES, ids=lambda p: p.name)
def test_every_block_runs(path: Path, page: snippets.Page) -> None:
    for block in snippets.blocks(path):
        page.run(block)


def test_what_is_not_run_is_known() -> None:
    found = Counter(
        (b.page, b.mark, b.why)
        for path in snippets.PAGES
        for b in snippets.blocks(path)
        if b.mark in ("not run", "slow")
    )
    assert dict(found) == IDLE


def test_what_is_quoted_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Excerpts of outputs, and the numbers in the sentences around them, against the output of
    today.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")
    for path in snippets.PAGES:
        quoted = [block for block in snippets.blocks(path) if block.mark == "printed by"]
        lines = {
            block.why: snippets.printed(block.why) for block in {b.why: b for b in quoted}.values()
        }
        for block in quoted:
            for line in block.text.splitlines():
                assert " ".join(line.split()) in lines[block.why], f"{block.where}: {line}"
        if quoted:
            said = {
                word.strip(".,()-")
                for printed in lines.values()
                for line in printed
                for word in line.split()
            }
            assert snippets.prose_numbers(path) <= said, path.name
