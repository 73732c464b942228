"""PDF has text and fonts, PNG its resolution."""

from __future__ import annotations

import pypdf
import pytest

from evosim.figures import Source
from evosim.runs import figures


def test_text_is_text_in_a_pdf(micro: Source) -> None:
    figures.draw(micro.run, ("pdf", "png", "svg"), names=["ladders"], size="one")
    folder = micro.run.folder / "figures" / "one"
    page = pypdf.PdfReader(folder / "ladders.pdf").pages[0]
    text = page.extract_text()
    for words in ("The ladder", "expected offspring", "ancestral world", "population"):
        assert words in text
    assert float(page.mediabox.width) == pytest.approx(85.0 / 25.4 * 72.0, abs=0.1)
    fonts = page["/Resources"]["/Font"]
    assert fonts
    for font in fonts.values():
        descriptor = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        assert {"/FontFile2", "/FontFile3"} & set(descriptor)
    png = (folder / "ladders.png").read_bytes()
    place = png.index(b"pHYs") + 4
    per_inch = int.from_bytes(png[place : place + 4], "big") * 0.0254
    assert per_inch >= 300.0 - 0.1
    assert int.from_bytes(png[16:20], "big") / per_inch * 25.4 == pytest.approx(85.0, abs=0.2)
