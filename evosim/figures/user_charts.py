"""Figures as Altair charts that Python users can change and combine.

Three things differ from a chart that is only drawn into a file:

* Their rows are part of them, so that no limit of rows (`alt.data_transformers`) applies to them.
* The house's look is added when the chart is shown by itself. Altair refuses a chart with its own
  `config` inside of another; without it, they can be layered and concatenated.
* In a notebook with Altair's default renderer, an engine that comes with them shows them. So no
  network is needed. Altair's own page would fetch the engine from a server. Another renderer that
  the user chose is used as it is. Files in HTML have the engine in them too.
"""

from __future__ import annotations

from typing import Any

import altair as alt

from evosim.figures.html import output
from evosim.figures.theme import house
from evosim.figures.vega import COMPOSED, Spec, to_svg


class _Figure:
    """Methods in which charts of evosim differ from those of Altair."""

    def to_dict(self, *args: Any, **kwargs: Any) -> Spec:
        """The chart as a dictionary (Altair's `to_dict`); a top-level chart gets evosim's style."""
        chart: Any = self
        if (kwargs.get("context") or {}).get("top_level", True):
            chart = chart.copy(deep=False)
            own = {} if chart.config is alt.Undefined else chart.config.to_dict()
            chart.config = alt.Config.from_dict(_merged(house().to_dict(), own))
        return super(_Figure, chart).to_dict(*args, **kwargs)  # type: ignore[misc]

    def save(self, fp: Any, format: Any = None, *args: Any, **kwargs: Any) -> None:
        """Write the chart as a file (Altair's `save`).

        A page in HTML needs no network, unless `inline=False`.
        """
        if format == "html" or (format is None and str(fp).endswith(".html")):
            kwargs.setdefault("inline", True)
        super().save(fp, format, *args, **kwargs)  # type: ignore[misc]

    def to_html(self, *args: Any, **kwargs: Any) -> str:
        """The chart as a page (Altair's `to_html`) that needs no network, unless `inline=False`."""
        kwargs.setdefault("inline", True)
        page: str = super().to_html(*args, **kwargs)  # type: ignore[misc]
        return page

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> Any:
        if alt.renderers.active != "default" or alt.data_transformers.active == "vegafusion":
            return super()._repr_mimebundle_(*args, **kwargs)  # type: ignore[misc]
        spec = self.to_dict()
        return {"text/plain": repr(self), "text/html": output(spec, to_svg(spec))}

    def __repr__(self) -> str:
        chart: Any = self
        title = chart.title.text if isinstance(chart.title, alt.TitleParams) else chart.title
        return (
            f"evosim figure ({type(self).__mro__[2].__name__} of Altair):"
            f" {'untitled' if title is alt.Undefined else title}"
        )

    def __or__(self, other: Any) -> Any:
        return _classed(super().__or__(other))  # type: ignore[misc]

    def __and__(self, other: Any) -> Any:
        return _classed(super().__and__(other))  # type: ignore[misc]

    def __add__(self, other: Any) -> Any:
        return _classed(super().__add__(other))  # type: ignore[misc]


class FigureChart(_Figure, alt.Chart):
    """A chart of evosim."""


class FigureLayer(_Figure, alt.LayerChart):
    """A layered chart of evosim."""


class FigureHConcat(_Figure, alt.HConcatChart):
    """Charts of evosim side by side."""


class FigureVConcat(_Figure, alt.VConcatChart):
    """Charts of evosim below each other."""


class FigureConcat(_Figure, alt.ConcatChart):
    """Charts of evosim in rows."""


class FigureFacet(_Figure, alt.FacetChart):
    """A chart of evosim in panels."""


KINDS: dict[type[Any], type[Any]] = {
    kind.__mro__[2]: kind
    for kind in (FigureChart, FigureLayer, FigureHConcat, FigureVConcat, FigureConcat, FigureFacet)
}


def handed(chart: Any) -> Any:
    """A themed chart for users of Python: an Altair chart that can be combined with others.

    Parameters
    ----------
    chart : altair chart
        With encodings that say their types, because its frames become plain rows. It is not
        changed.

    Returns
    -------
    altair chart
        Of the same kind. Its class is a subclass of Altair's.
    """
    copied = _classed(_with_rows(chart))
    copied.config = alt.Undefined
    return copied


def _classed(chart: Any) -> Any:
    """The same chart as one of evosim's classes, without changing it."""
    copied = chart.copy(deep=False)
    object.__setattr__(copied, "__class__", KINDS.get(type(chart), type(chart)))
    return copied


def _with_rows(chart: Any) -> Any:
    """A chart whose data, and those of all charts in it, are rows instead of frames."""
    copied = chart.copy(deep=False)
    for key in COMPOSED:
        parts = copied._get(key)
        if parts is not alt.Undefined:
            setattr(copied, key, [_with_rows(part) for part in parts])
    if copied._get("spec") is not alt.Undefined:
        copied.spec = _with_rows(copied.spec)
    data = copied._get("data")
    if data is not alt.Undefined and not isinstance(data, dict | alt.Data):
        copied.data = alt.InlineData(
            values=alt.to_values(alt.limit_rows(data, max_rows=None))["values"]
        )
    return copied


def _merged(base: Spec, over: Spec) -> Spec:
    """Settings of `over`, and those of `base` that it leaves open, section by section."""
    both = {
        key: (
            _merged(base[key], value)
            if isinstance(value, dict) and isinstance(base.get(key), dict)
            else value
        )
        for key, value in over.items()
    }
    return base | both
