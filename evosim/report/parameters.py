"""Parameters that differ from the defaults, with unit and reason, and between runs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from evosim.config import registry
from evosim.config.differences import MISSING, differences, flat
from evosim.config.landscape_search import on_landscape
from evosim.config.schema import WORDS, Experiment
from evosim.genomes import LocusParams
from evosim.optimizers.params import OPTIMIZER_PARAMS
from evosim.optimizers.vector_params import VECTOR_PARAMS
from evosim.report.elements import Cell, Table
from evosim.worlds import LANDSCAPES

SAID_ELSEWHERE = {*WORDS, "name", "seed", "replicates"}
NONE = "\u2013"  # shown for what is absent

Values = dict[str, object]  # of parameters by dotted key


def set_here(experiment: Experiment) -> Table:
    """Parameters that are not at their default, each with the default.

    For the modern world: parameters that differ from the ancestral one.
    """
    values, otherwise, units = _tree(experiment), _defaults(experiment), _units(experiment)
    rows = []
    for key, value in values.items():
        usual = otherwise.get(key, otherwise.get(_locus_key(key), NONE))
        if format_value(value) != format_value(usual):
            unit, why = units.get(key, ("", ""))
            rows.append(
                (
                    Cell(key),
                    Cell(format_value(value)),
                    Cell(format_value(usual)),
                    Cell(unit),
                    Cell(why),
                )
            )
    headings = tuple(
        map(Cell, ("parameter", "here", "otherwise", "unit", "reason for the default"))
    )
    note = (
        f"Otherwise: the default ({NONE}: there is none); of the modern world, what the ancestral"
        " one has."
    )
    return Table(
        "Parameters that differ from the defaults", headings, rows, frozenset(range(5)), note
    )


def side_by_side(experiments: Mapping[str, Experiment]) -> Table | None:
    """Parameters and seeds that differ between experiments, a column each; None if all agree."""
    seeds = {
        name: [getattr(e, name) for e in experiments.values()] for name in ("seed", "replicates")
    }
    different = differences(list(experiments.values())) | {
        name: values for name, values in seeds.items() if len(set(values)) > 1
    }
    if not different:
        return None
    rows = [
        (
            Cell(key),
            *(Cell(_absent(key) if value is MISSING else format_value(value)) for value in values),
        )
        for key, values in different.items()
    ]
    return Table(
        "Parameters in which they differ",
        (Cell("parameter"), *map(Cell, experiments)),
        rows,
        frozenset(range(len(experiments) + 1)),
    )


def _absent(key: str) -> str:
    return "as in A" if key.startswith("world.modern.") else NONE


def format_value(value: Any) -> str:
    """A value as it would stand in a file."""
    return value if value == NONE else json.dumps(value, ensure_ascii=False)


def _tree(experiment: Experiment) -> Values:
    tree = experiment.model_dump(mode="json", exclude=SAID_ELSEWHERE, exclude_none=True)
    return {key: value for key, value in flat(tree).items() if value not in ([], {})}


def _defaults(experiment: Experiment) -> Values:
    """All defaults by dotted key; keys of a locus leave out the name of the locus."""
    e = experiment
    out = {f"world.modern.{key}": value for key, value in flat(dict(e.world.ancestral)).items()}
    out |= {f"world.ancestral.{key}": value for key, value in _of_class(_world(e)).items()}
    genome = None if on_landscape(e) else registry.genome(e.genome["name"]).params
    optimizer: Any = (VECTOR_PARAMS if on_landscape(e) else OPTIMIZER_PARAMS)[e.optimizer["name"]]
    for part, params in (("genome", genome), ("optimizer", optimizer)):
        out |= {f"{part}.{key}": value for key, value in _of_class(params).items()}
    out |= {f"genome.locus.{key}": value for key, value in _of_class(LocusParams).items()}
    for name, known in type(e).model_fields.items():
        if name not in SAID_ELSEWHERE and not known.is_required():
            default = known.get_default(call_default_factory=True)
            plain = default.model_dump(mode="json") if hasattr(default, "model_dump") else default
            out |= flat({name: plain})
    return {key: list(value) if isinstance(value, tuple) else value for key, value in out.items()}


def _locus_key(key: str) -> str:
    """The key of a locus parameter's default.

    `genome.weights.ease.mutation` and `genome.horizon.mutation` become `genome.locus.mutation`.
    """
    parts: Sequence[str] = key.split(".")
    return f"genome.locus.{parts[-1]}" if parts[0] == "genome" and len(parts) > 2 else key


def _world(experiment: Experiment) -> Any:
    name = experiment.world.name
    return LANDSCAPES[name].params if on_landscape(experiment) else registry.world(name).params


def _of_class(params: Any) -> Values:
    """Defaults of a parameter dataclass, flat."""
    out: Values = {}
    for item in dataclasses.fields(params) if params else ():
        if item.default is not dataclasses.MISSING:
            value: Any = item.default
        elif item.default_factory is not dataclasses.MISSING:
            value = item.default_factory()
        else:
            continue
        plain = (
            dataclasses.asdict(value)
            if dataclasses.is_dataclass(value) and not isinstance(value, type)
            else value
        )
        out |= flat({item.name: plain})
    return out


def _units(experiment: Experiment) -> dict[str, tuple[str, str]]:
    """Unit and reason of parameters of the world."""
    known = {item.name: item.metadata for item in dataclasses.fields(_world(experiment))}
    return {
        f"world.{world}.{name}": (str(facts.get("unit", "")), str(facts.get("why", "")))
        for name, facts in known.items()
        for world in ("ancestral", "modern")
    }
