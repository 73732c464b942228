"""Figures as HTML pages that need no network, and the elements of any page with figures.

A page holds the drawing engine once (`engine`), and the specifications of its figures
(`specs_as_data`). It also has a picture of each figure (`place`). The engine replaces the pictures.
Readers without scripts see the pictures. `POLICY` forbids the browser to load anything. When all
figures are drawn, `data-rendered` of the body is "yes"; otherwise it names what failed.
"""

from __future__ import annotations

import base64
import functools
import html
import json
import uuid
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from evosim.figures.drawing_engine import ENGINE
from evosim.figures.vega import COMPOSED, VERSION, Spec

HERE = Path(__file__).resolve().parent
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"

OPTIONS = (
    '{mode: "vega-lite", ast: true, renderer: "svg", actions: {export: true, source: false,'
    " compiled: false, editor: false}}"
)
_EMBED = """
const charts = JSON.parse(document.getElementById("described").textContent);
const options = OPTIONS;
const drawn = Object.entries(charts).map(
  ([name, chart]) => window.vegaEmbed(document.getElementById("figure-" + name), chart, options)
);
const rendered = (words) => { document.body.dataset.rendered = words; };
Promise.all(drawn).then(() => rendered("yes"), (error) => rendered(String(error)));
""".replace("OPTIONS", OPTIONS)

STYLE = """
body { font-family: "Liberation Sans", Arial, Helvetica, sans-serif; margin: 1rem; }
body { color: #222222; background: white; }
.figure { overflow-x: auto; }
.vega-embed details:not([open]) > summary { opacity: 0.6; }
figcaption { max-width: 45rem; line-height: 1.45; }
footer { font-size: 0.8rem; }
footer pre { white-space: pre-wrap; max-width: 45rem; }
"""


def as_data(value: Any) -> str:
    """JSON for any script element: no character opens a tag or a comment, or ends a script line."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":  # JSON has them in strings alone, where they may be spelled out
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def engine(then: str = "") -> str:
    """The script element with Vega, Vega-Lite and Vega-Embed (0.9 MB); it then runs `then`.

    A page needs this element once.
    """
    return f'<script type="module">{_bundle()}\n;{then}</script>'


@functools.cache
def _bundle() -> str:
    bundle = ENGINE.ask("javascript_bundle", vl_version=VERSION)
    for closing in ("</script", "<!--"):
        if closing in bundle.lower():
            raise ValueError(f"the bundle of the drawing engine must not hold '{closing}'")
    return bundle


@functools.cache
def licences() -> str:
    """Say under which licences the programs stand that a page with figures holds.

    Returns
    -------
    str
        Names, versions and holders, and the texts. That of the BSD licence is the one which the
        package that brings the programs (vl-convert) was installed with.
    """
    parts = (
        (
            f"Vega {ENGINE.ask('get_vega_version')}",
            "2015-2023 University of Washington Interactive Data Lab",
        ),
        (
            f"Vega-Lite {VERSION.removeprefix('v')}",
            "2015 University of Washington Interactive Data Lab",
        ),
        (
            f"Vega-Embed {ENGINE.ask('get_vega_embed_version')}",
            "2015 University of Washington Interactive Data Lab",
        ),
    )
    files = metadata.files("vl-convert-python") or ()
    texts = [path.read_text() for path in files if path.name.upper().startswith("LICEN")]
    lines = [f"{name}: BSD 3-clause licence. Copyright {holders}" for name, holders in parts]
    bundled = (
        f"vl-convert {metadata.version('vl-convert-python')}, which brings them: BSD 3-clause"
        " licence"
    )
    others = (HERE / "licences.txt").read_text(encoding="utf-8")
    return "\n\n".join(["\n".join(lines), bundled, *texts, others]).strip()


def interactive(spec: Spec) -> Spec:
    """The chart with tooltips along lines and areas.

    A browser knows the first point of a line only, so each line gets invisible points.
    """
    mark, encoding = spec.get("mark"), spec.get("encoding", {})
    kind = mark.get("type") if isinstance(mark, dict) else mark
    if kind in ("line", "area") and "tooltip" in encoding and {"x", "y"} <= set(encoding):
        shown = {"mark": mark, "encoding": encoding}
        points = {key: encoding[key] for key in ("x", "y", "color", "tooltip") if key in encoding}
        hidden = {
            "mark": {"type": "point", "filled": True, "opacity": 0, "size": 90, "aria": False},
            "encoding": points,
        }
        return {key: value for key, value in spec.items() if key not in shown} | {
            "layer": [shown, hidden]
        }
    return {
        key: (
            [interactive(part) for part in value]
            if key in COMPOSED
            else interactive(value)
            if key == "spec"
            else value
        )
        for key, value in spec.items()
    }


def specs_as_data(spec: Mapping[str, Spec]) -> str:
    """Data and script that draw named figures in their places (see `place`).

    They must follow the places and `engine` in the page.
    """
    charts = as_data({name: interactive(chart) for name, chart in spec.items()})
    return (
        f'<script type="application/json" id="described">{charts}</script>\n'
        f'<script type="module">{_EMBED}</script>'
    )


def place(name: str, spec: Spec, svg: str) -> str:
    """Element in which a figure will be drawn, with its picture until then."""
    picture = base64.b64encode(svg.encode()).decode()
    alt_text = html.escape(str(spec.get("description", name)))
    return (
        f'<div class="figure" id="figure-{html.escape(name)}"><img'
        f' src="data:image/svg+xml;base64,{picture}" alt="{alt_text}"></div>'
    )


def output(spec: Spec, svg: str) -> str:
    """One figure as HTML for a notebook: a picture that the included engine (0.9 MB) replaces.

    A notebook that does not run scripts (not trusted, or shown by a website) keeps the picture.
    The output needs no network.

    Parameters
    ----------
    spec
        The chart as a dictionary.
    svg
        Its drawing.

    Returns
    -------
    str
        HTML; its identifiers are unique, so that one page may hold many.
    """
    name = uuid.uuid4().hex
    script = (
        f'window.vegaEmbed(document.getElementById("figure-{name}"),'
        f" {as_data(interactive(spec))}, {OPTIONS});"
    )
    return f"{place(name, spec, svg)}\n{engine(script)}"


def page(name: str, spec: Spec, svg: str) -> str:
    """One figure as an interactive page, with a picture and a description for script-free use."""
    title = spec.get("title") or name
    words = title.get("text", name) if isinstance(title, dict) else title
    heading = html.escape(" ".join(words) if isinstance(words, list) else str(words))
    alt_text = html.escape(str(spec.get("description", "")))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{heading}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<figure aria-label="{heading}">
{place(name, spec, svg)}
<figcaption>{alt_text}</figcaption>
</figure>
</main>
<footer><details><summary>Licences of the programs in this file</summary>
<pre>{html.escape(licences())}</pre></details></footer>
{engine()}
{specs_as_data({name: spec})}
</body>
</html>
"""
