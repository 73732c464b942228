"""The easel draws what the process itself would, and is done without where it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from evosim import workflow
from evosim.compose import resolve
from evosim.easel import Easel
from evosim.errors import UserError
from evosim.params import apply_settings, read_experiment
from evosim.record import Recorded

FORMATS = ("png", "svg")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    chosen = resolve(apply_settings(read_experiment("micro"), ["optimizer.population=30"]))
    run, _ = workflow.run(chosen, out=tmp_path_factory.mktemp("easel") / "run")
    workflow.analyze(run)
    return run


def drawn(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "figures").iterdir())}


def test_it_draws_the_same(recorded: Recorded) -> None:
    with Easel() as easel:
        easel.get_ready()
        assert easel.draw(recorded.folder, FORMATS)
    found = drawn(recorded.folder)
    assert len(found) >= 2 * 4
    workflow.draw(recorded, FORMATS)
    assert drawn(recorded.folder) == found


def test_where_it_fails_it_says_so(recorded: Recorded, tmp_path: Path) -> None:
    with Easel() as easel:
        assert not easel.draw(recorded.folder, FORMATS)  # nobody said that it should get ready
    with Easel() as easel:
        easel.get_ready()
        assert easel._process
        easel._process.kill()
        easel._process.wait()
        assert not easel.draw(recorded.folder, FORMATS)
    with Easel() as easel:
        easel.get_ready()
        with pytest.raises(UserError, match="must be"):
            easel.draw(tmp_path / "nothing", FORMATS)


def test_it_ends_with_the_block(recorded: Recorded) -> None:
    with Easel() as easel:
        easel.get_ready()
        process = easel._process
    assert process
    assert process.poll() is not None
