"""Make docs/gallery.md and its thumbnails: every figure, from a small run, sweep or search that has
it. Takes about two minutes.

Run: `python scripts/docs/gallery.py`; what it computes on the way is thrown away.
"""

from __future__ import annotations

import html
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import vl_convert

from evosim.cli import gallery
from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.runs import execute, landscape_search
from evosim.runs import figures as runs_figures
from evosim.runtime.timing import Clock
from evosim.sweeps import analysis as sweeps_analysis
from evosim.sweeps import events, figures, local_engine
from evosim.sweeps.chart_inputs import ChartInputs
from evosim.sweeps.collect import collect
from evosim.sweeps.engines import Job
from evosim.sweeps.execute import begin
from evosim.sweeps.queries import chosen as chosen_quantities
from evosim.sweeps.schema import read_sweep

ROOT = Path(__file__).resolve().parents[2]
PAGE, PICTURES = ROOT / "docs" / "gallery.md", ROOT / "docs" / "gallery"
PIXELS_PER_INCH = 54
SMALL = (
    "optimizer.population=200",
    "phases.0.generations=150",
    "phases.1.generations=100",
    "replicates=5",
)
SWEEPS = {
    "contraception": (
        (
            'experiment = "coarse-savanna"\nreplicates = 5\n[set]\nphases.0.generations ='
            " 40\nphases.1.generations = 10\n[grid]\noptimizer.population = [25, 50, 100,"
            " 200]\nworld.modern.forage_success = [0.6, 0.7, 0.8]\ngenome.planning_cost = [0.06,"
            " 0.1]\n"
        ),
        {
            "losses": "losses-forage-success",
            "phase": "phase-losses-modern-shift",
            "effects": "effects-losses-modern-shift",
            "steps": "steps-forage-success",
        },
    ),
    "danger": (
        (
            'experiment = "micro"\nreplicates = 5\n[set]\nphases.0.generations ='
            ' 30\nphases.1.generations = 10\n[design]\nkind = "sobol"\nsize = 32\nseed ='
            " 1\n[design.ranges]\nworld.modern.breed_danger = { low = 0.05, high = 0.5"
            ' }\noptimizer.population = { low = 10, high = 200, scale = "log", integer = true }\n'
        ),
        {"design": "design-ladder-modern-rungs-population"},
    ),
}
OF_DRIVE = ["losses", "drive"]  # figures of runs with a gene that cheats
SEARCH = ("claim-06-demons", ("replicates=5",))
HEAD = """# Figures

This page shows every figure that evosim draws, from small runs. `evosim run` draws the figures
marked *default*. `evosim figures` draws all figures that have data, or those you name. It accepts
the folder of a run, of a sweep, or of a search of a landscape:

```sh
evosim figures --list
evosim figures results/runs/FOLDER fitness ladders --size one --format pdf,svg
```

| option | result |
| --- | --- |
| `--size screen` | the natural width of the figure, in the folder's `figures/` |
| `--size one` | one column of a page, 85 mm, in `figures/one/`: panels below each other, legends \
below them |
| `--size two` | two columns, 178 mm, in `figures/two/` |
| `--format` | `png`, `svg`, `pdf` (text stays text, and its font is included). `html`: a page of \
1 to 2 MB with tooltips, which needs no network |
| `--usual` | only the default figures |

In print all letters have at least 6 points. Figures of runs are readable in grey: lines of equal
lightness differ in dashes, touching areas in lightness. The palettes are checked for red-green
blindness. A desire has the same colour in all experiments. Bands contain the middle 95% of seeds.
Each figure has a text alternative (`description` in its page, the alternative text here).

`evosim sweep figures` also chooses a sweep's quantities and axes ([sweeps.md](sweeps.md)). The
figures of a sweep are called by their kind, `phase`, or in full,
`phase-losses-modern-shift`. In Python, `evosim.load(folder).figure(name)` is the same chart,
which you can change with Altair ([api.md](api.md)). `python scripts/docs/gallery.py` makes this
page.
"""


def run_charts(name: str, names: list[str], folder: Path) -> Iterator[tuple[str, Any]]:
    """Charts of a small run of an experiment."""
    from evosim.figures import charts_of

    chosen = resolve(apply_settings(read_experiment(name), list(SMALL)))
    recorded, _ = execute.run(chosen, out=folder / name)
    return charts_of(runs_figures.source_of(recorded), names)


def sweep_charts(
    name: str, text: str, wanted: dict[str, str], folder: Path
) -> Iterator[tuple[str, Any]]:
    """Charts of a small sweep, by kind."""
    file = folder / f"{name}.toml"
    file.write_text(f'name = "{name}"\n{text}', encoding="utf-8")
    store = begin(read_sweep(file), folder / name)
    local_engine.compute(
        Job(store.folder, list(range(store.chunks)), 1, 1, None, events.ignore, lambda: False)
    )
    collect(store)
    analysis = sweeps_analysis.analysis_of(store)
    inputs = ChartInputs(analysis, read_sweep(file).sweep, None, None)
    all_charts = dict(figures.charts(inputs, chosen_quantities(analysis, []), wanted.values()))
    return ((kind, all_charts[full]) for kind, full in wanted.items())


def search_charts(folder: Path) -> Iterator[tuple[str, Any]]:
    """Charts of a search."""
    from evosim.api.export import source_of
    from evosim.figures.inputs import Searched
    from evosim.figures.registry import SEARCH_FIGURES

    name, settings = SEARCH
    chosen = resolve(apply_settings(read_experiment(name), list(settings)))
    landscape_search.explore(chosen, out=folder / name, force=False, figures=False, clock=Clock())
    source = Searched(source_of(folder / name).table(landscape_search.TABLE), chosen)
    return ((key, figure.draw(source)) for key, figure in SEARCH_FIGURES.items())


def all_charts(folder: Path) -> dict[tuple[str, str], Any]:
    """Every figure by what it is drawn from and its name."""
    from evosim.figures import FIGURES

    out = {
        (gallery.RUN, name): chart
        for name, chart in run_charts(
            "coarse-savanna", [name for name in FIGURES if name not in OF_DRIVE], folder
        )
    }
    out |= {
        (gallery.RUN, name): chart for name, chart in run_charts("coarse-drive", OF_DRIVE, folder)
    }
    for name, (text, wanted) in SWEEPS.items():
        out |= {
            (gallery.SWEEP, kind): chart for kind, chart in sweep_charts(name, text, wanted, folder)
        }
    return out | {(gallery.SEARCH, name): chart for name, chart in search_charts(folder)}


def main() -> None:
    """Draw all, and write the page."""
    from evosim.figures import to_svg

    PICTURES.mkdir(exist_ok=True)
    for old in PICTURES.glob("*.png"):
        old.unlink()
    parts = [HEAD]
    with tempfile.TemporaryDirectory() as folder:
        charts = all_charts(Path(folder))
        for of in (gallery.RUN, gallery.SWEEP, gallery.SEARCH):
            parts.append(f"## Figures of a {of}\n")
            for entry in gallery.entries():
                if entry.of != of:
                    continue
                chart = charts[of, entry.name]
                picture = PICTURES / f"{of}-{entry.name}.png"
                picture.write_bytes(
                    vl_convert.svg_to_png(to_svg(chart.to_dict()), ppi=PIXELS_PER_INCH)
                )
                says = (
                    html.escape(" ".join(chart.description.split()), quote=True)
                    .replace("[", "(")
                    .replace("]", ")")
                )
                default = " *Default.*" if of == gallery.RUN and entry.usual else ""
                what = entry.what[0].upper() + entry.what[1:]
                parts.append(
                    f"### {entry.name}\n\n{what}.{default}\n\n![{says}](gallery/{picture.name})\n"
                )
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    print(
        f"{PAGE}: {len(charts)} figures,"
        f" {sum(p.stat().st_size for p in PICTURES.iterdir()) / 1e6:.2f} MB of thumbnails",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
