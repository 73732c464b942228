"""The germ line: markers have no effect on classes, and their names are checked."""

from __future__ import annotations

import pytest

from evosim.genomes import InvalidGenome, LocusParams
from evosim.genomes.germline import GermLine, build_grid
from tests.support.genomes import locus


def markers(*names: str) -> GermLine:
    return GermLine(markers={name: LocusParams(("wild", "other")) for name in names})


def test_markers_add_loci_and_no_classes() -> None:
    expressed = [locus(LocusParams((0.0, 1.0)), name="x")]
    plain, marked = (build_grid(expressed, germ_line, 2) for germ_line in (markers(), markers("m")))
    assert [site.name for site in marked.loci] == ["x", "m"]
    assert marked.size == plain.size == 3
    assert marked.loci[1].silent


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("x", "'x' is a locus already"),
        ("", "must have a name of 1 to 100 characters"),
        ("a:b", "without colons or line breaks"),
    ],
)
def test_invalid_names_of_markers_are_refused(name: str, message: str) -> None:
    with pytest.raises(InvalidGenome, match=message):
        build_grid([locus(LocusParams((0.0, 1.0)), name="x")], markers(name), 2)
