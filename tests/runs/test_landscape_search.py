"""A damaged search of a landscape is refused in one line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import evosim as product
from evosim.errors import UserError
from evosim.runs import accounts, execute, landscape_search
from tests.support.runs import experiment

SETTINGS = (
    "replicates=2",
    "optimizer.population=8",
    "phases.0.generations=3",
    "phases.1.generations=2",
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with its analysis."""
    recorded = execute.run(
        experiment("micro", *SETTINGS), out=tmp_path_factory.mktemp("damage") / "run"
    )[0]
    accounts.analyze(recorded)
    return recorded.folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "run"))


def one_line(error: Exception) -> str:
    assert "\n" not in str(error)
    return str(error)


@pytest.mark.slow
def test_a_damaged_search_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "search"
    product.search("claim-06-demons", {"phases.0.generations": 50}, out=folder)
    for name in ("summary.json", "tables/paths.parquet"):
        path = folder / name
        good = path.read_bytes()
        for data in (b"", b"[]", good[:100], good[:-30] + bytes([good[-30] ^ 1]) + good[-29:]):
            path.write_bytes(data)
            with pytest.raises(UserError) as caught:
                (
                    landscape_search.summary_there(folder)
                    if name == "summary.json"
                    else landscape_search.paths_there(folder)
                )
            assert str(path) in one_line(caught.value)
        path.write_bytes(good)
    assert landscape_search.summary_there(folder).search
