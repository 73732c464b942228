"""How Sphinx builds the site: Markdown pages as they stand, README.md as the front page, the
reference from docstrings.

`scripts/docs/build_docs.py` calls it. Nothing is fetched, and no built page asks for anything from
elsewhere.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from evosim.version import __version__  # noqa: E402

project, author, release = "evosim", "The evosim developers", __version__
copyright = author
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"evosim {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False

myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # a README may begin below its title

# Docstrings: `x` is code, sections are Google's, types are said once, in the signature.
default_role = "code"
napoleon_google_docstring, napoleon_numpy_docstring = True, False
napoleon_custom_sections = [("Attributes", "params_style")]  # one line may name several
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
nitpicky = True
# Types of other packages have pages elsewhere, which a build without a network cannot look up.
nitpick_ignore_regex = [
    (
        r"py:.*",
        r"(np|numpy|npt|pl|polars|alt|altair|typing|collections|pathlib|pydantic|annotated_types)(\..*)?",
    ),
    (
        r"py:.*",
        r"(evosim\.worlds\.parameters\.)?Params|evosim\.config\.schema\..*",
    ),  # a type variable; the tree that `evosim show` prints
    # Classes that only type checkers import, and parts of summaries, which docs/schema.md lists
    (r"py:.*", r"SweepStatus|SearchSummary|Analysis|.*\.AnalysisFacts"),
    (r"py:.*", r"evosim\.analysis\.summary\.(?!RunSummary|SearchSummary).*"),
    (r"py:.*", r"evosim\.analysis\.recorded_run\.Tables"),  # a mapping of tables by name
    (
        r"py:.*",
        r"(Any|Path|NDArray|ArrayLike|Mapping|Sequence|Iterable|Iterator|Callable|Literal|Protocol|Generator)",
    ),
]

PICTURES = (".png", ".svg")
_kept: dict[str, list[str]] = {}
_LINK = re.compile(r"(!?\[[^\]\n]*\]\()([^)\s]+)(\))")


def _on_the_site(target: str, folder: Path) -> str:
    """A link of a page in `folder` as the site has it: README.md is its front page, other files are
    taken along.
    """
    if re.match(r"[a-z]+:|#", target):
        return target
    name, _, anchor = target.partition("#")
    path = (folder / name).resolve()
    if path == ROOT / "README.md":
        path = ROOT / "docs" / "index.md"
    # The front page lies in docs/ and contains README.md
    page = ROOT / "docs" if folder == ROOT else folder
    moved = Path(os.path.relpath(path, page)).as_posix()
    if path.is_relative_to(ROOT / "docs"):
        return moved + (f"#{anchor}" if anchor else "")
    return moved if path.suffix in PICTURES else f"path:{moved}"


def _read(app: Any, page: str, text: list[str]) -> None:
    """Put the README into the front page, and links in order that work beside the sources too."""
    folder = (ROOT / "docs" / page).parent
    if page == "index":
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        text[0] = text[0].replace("<!-- README.md -->", readme)
        folder = ROOT
    text[0] = _LINK.sub(lambda m: m[1] + _on_the_site(m[2], folder) + m[3], text[0])


def _keep(app: Any, kind: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Hide a property's docstring from napoleon, which would read what stands before a colon as its
    type.
    """
    if kind in ("property", "attribute"):
        _kept[name], lines[:] = list(lines), [""]


def _put_back(app: Any, kind: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    if name in _kept:
        lines[:] = _kept.pop(name)


def _sign(
    app: Any,
    kind: str,
    name: str,
    thing: Any,
    options: Any,
    signature: str | None,
    returned: str | None,
) -> Any:
    """A default that is made anew each time has no text that could be parsed."""
    return (signature and signature.replace("<factory>", "..."), returned)


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", _keep, priority=400)
    app.connect("autodoc-process-docstring", _put_back, priority=600)  # napoleon is at 500
    app.connect("source-read", _read)
    app.connect("autodoc-process-signature", _sign)
