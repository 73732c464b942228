"""Cases of fuzzing: malformed experiment and sweep files.

scripts/stress/fuzz.py and tests use them; `fuzz_verdicts` has the required answers.
"""

from __future__ import annotations

import copy
import json
import math
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from datetime import time as clock_time
from pathlib import Path
from typing import Any

import tomli_w
from hypothesis import strategies as st

from evosim.config.resolve import resolve
from evosim.config.toml_files import named_experiments, read_toml

Tree = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True)
class Case:
    """One example.

    Attributes
    ----------
    kind : str
        `experiment` or `sweep`.
    how : str
        Change of a valid file: `mild` (numbers), `values`, `settings`, `bytes` or `place`.
    files : dict
        Files of one folder by name. The command gets the first one.
    settings : tuple of str
        Arguments of `--set`.
    place : str
        `file`, or its replacement: `folder`, `pipe`, `nothing`, `link to itself`.
    """

    kind: str
    how: str
    files: dict[str, bytes]
    settings: tuple[str, ...] = ()
    place: str = "file"

    @property
    def name(self) -> str:
        """The file that is given to the command."""
        return next(iter(self.files))

    def write(self, folder: Path) -> Path:
        """Put the files into a folder; gives the first."""
        for name, data in self.files.items():
            (folder / name).write_bytes(data)
        path = folder / self.name
        if self.place != "file":
            path.unlink()
        if self.place == "folder":
            path.mkdir()
        elif self.place == "pipe":
            os.mkfifo(path)
        elif self.place == "link to itself":
            path.symlink_to(path.name)
        return path


# Sound files


def _experiments() -> dict[str, Tree]:
    written = {name: read_toml(path) for name, path in named_experiments().items()}
    written["theorem"]["genome"]["horizon"]["alleles"] = [1, 6]
    full = {
        f"{name}, in full": json.loads(json.dumps(resolve(written[name]).model_dump(mode="json")))
        for name in ("micro", "suppressor", "reflexes")
    }
    return written | full


SMALL = {
    "phases": [{"world": "ancestral", "generations": 4}, {"world": "modern", "generations": 3}],
    "optimizer": {"name": "sexual", "population": 10},
}
EXPERIMENTS = _experiments()
SWEEPS: dict[str, Tree] = {
    "bare": {"name": "x", "experiment": "micro"},
    "grid": {
        "name": "grid",
        "experiment": "micro",
        "replicates": 3,
        "seed": 5,
        "set": {"phases": {"0": {"generations": 4}, "1": {"generations": 3}}},
        "grid": {
            "optimizer": {"population": [10, 20]},
            "world": {"modern": {"breed_danger": [0.1, 0.3]}},
        },
    },
    "zip": {
        "name": "zip",
        "title": "Two lists",
        "experiment": "micro",
        "seeds": "own",
        "keep": ["ladder", "steps"],
        "chunk": 2,
        "zip": [
            {"genome.discount": [0.9, 0.95], "genome.planning_cost": [0.02, 0.0]},
            {"genome": {"ploidy": [1, 2]}},
        ],
    },
    "design": {
        "name": "design",
        "experiment": "micro",
        "design": {
            "kind": "latin-hypercube",
            "size": 4,
            "seed": 1,
            "ranges": {
                "world.modern.breed_danger": {"low": 0.01, "high": 0.5, "scale": "log"},
                "optimizer": {"population": {"low": 10, "high": 20, "integer": True}},
                "world.modern.safe_breeding": {"choices": [True, False]},
            },
        },
    },
    "lists": {
        "name": "lists",
        "experiment": "base.toml",
        "set": {"world.modern": {"breed_danger": 0.2}},
        "grid": {
            "genome.weights.toil.alleles": [[1.0], [0.5, 1.0]],
            "phases.0.generations": [3, 4],
            "search_ledger": [True, False],
        },
        "design": {
            "kind": "sobol",
            "size": 2,
            "ranges": {"genome.discount": {"low": 0.1, "high": 0.9}},
        },
    },
    "drivers": {
        "name": "drivers",
        "experiment": "drive-equilibrium",
        "grid": {"genome.drivers.0.ratio": [0.6, 0.9], "controls": [True, False]},
    },
}


def places_in(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every node of a tree but the root."""
    items = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    return [p for key, value in items for p in ((*path, key), *places_in(value, (*path, key)))]


WORDS = {
    str(path[-1])
    for tree in (*EXPERIMENTS.values(), *SWEEPS.values())
    for path in places_in(tree)
    if len(str(path[-1])) > 2
}

# Contents of files

LONG = "x" * 20_000
TEXTS = [
    "",
    " ",
    "a",
    "A",
    "micro",
    "true",
    "ancestral",
    "sexual",
    "nan",
    "a\nb",
    "a\x1b[31mb\x07",
    "\x00",
    "\u2028",
    "\u202e",
    "é",
    "日本",
    "😀",
    LONG,
    "../..",
    "/",
    "/dev/null",
    "/dev/zero",
    "base.toml",
    "no.toml",
    "a\x00.toml",
    "a\n.toml",
    "a.b.c",
    "[x]",
    "{}",
    "%s",
    "x" * 300 + ".toml",
]
WHOLES = [
    0,
    -1,
    1,
    2,
    3,
    5,
    50,
    255,
    256,
    10_000,
    2**31,
    2**32,
    2**53 + 1,
    2**63 - 1,
    2**63,
    -(2**63),
    10**30,
    10**400,
]
FLOATS = [
    math.nan,
    math.inf,
    -math.inf,
    0.0,
    -0.0,
    1.0,
    0.5,
    -0.5,
    0.3,
    1.0 + 1e-12,
    1.5,
    1e-13,
    1e-300,
    5e-324,
    1e16,
    1e100,
    1e300,
    -1e300,
    1.7e308,
]
ODD = [date(2020, 1, 1), datetime(2020, 1, 1, 2, 3), clock_time(1, 2), True, False]
LISTS: list[Any] = [
    [],
    [[]],
    [{}],
    [1, "a"],
    [0.5, 0.5],
    [0.0, math.nan],
    [1, 2, 3],
    [0.0, 1.0],
    ["a", "b"],
    ["wild", "driver"],
    [1.0] * 3000,
    [True, False],
]
TABLES: list[Any] = [
    {},
    {"": 1},
    {"x": {}},
    {"name": "micro"},
    {"low": 0, "high": 1},
    {"alleles": [0.0, 1.0]},
    {"choices": []},
    {"a\nb": 1},
    {"Alleles": [1]},
]
NUMBERS = st.one_of(st.sampled_from([*WHOLES, *FLOATS]), st.floats(0, 1), st.integers(0, 12))
ANYTHING = st.one_of(
    NUMBERS,
    st.sampled_from(TEXTS),
    st.sampled_from(LISTS).map(copy.deepcopy),
    st.sampled_from(TABLES).map(copy.deepcopy),
    st.sampled_from(ODD),
    st.text(max_size=8),
)
KEYS = st.one_of(
    st.sampled_from(
        [
            "",
            "x",
            "name",
            "alleles",
            "Seed",
            "float",
            "a.b",
            "low",
            "a\nb",
            "\x00",
            "é",
            "seed",
            "position",
            LONG,
        ]
    ),
    st.text(max_size=4),
)


def _at(tree: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def _near(draw: Draw, value: Any) -> Any:
    """A similar value, as a typing error or a changed plan would give."""
    if isinstance(value, bool):
        return draw(st.sampled_from([not value, int(value), "true"]))
    if isinstance(value, int | float):
        if abs(value) > 1e15 or math.isnan(value):
            return draw(NUMBERS)
        same = [
            value,
            -value,
            value + 1,
            value - 1,
            value / 2,
            value * 2,
            value * 1000,
            float(value),
            str(value),
            value * 1.1,
            [value],
        ]
        return draw(st.one_of(st.sampled_from(same), NUMBERS))
    if isinstance(value, str):
        return draw(
            st.one_of(
                st.sampled_from(
                    [
                        value + "x",
                        value[1:],
                        value.upper(),
                        value * 2,
                        f" {value}",
                        value[::-1],
                        [value],
                    ]
                ),
                st.sampled_from(TEXTS),
            )
        )
    if isinstance(value, list):
        some: list[Any] = [
            value[::-1],
            value + value,
            value[:1],
            value[1:],
            [],
            [value],
            {"0": value},
            [*value, draw(ANYTHING)],
            tuple(value),
        ]
        return list(draw(st.sampled_from(some)))
    if not isinstance(value, dict):
        return draw(ANYTHING)
    return draw(st.sampled_from([value | {draw(KEYS): draw(ANYTHING)}, {}, [value], {"x": value}]))


def _mutate(draw: Draw, tree: Tree) -> None:
    """Change one thing, in place."""
    places = places_in(tree)
    if not places:
        return
    path = draw(st.sampled_from(places))
    parent, key = _at(tree, path[:-1]), path[-1]
    what = draw(
        st.sampled_from(
            [
                "near",
                "near",
                "near",
                "anything",
                "drop",
                "add",
                "misspell",
                "nest",
                "copy",
                "dot",
                "deep",
            ]
        )
    )
    if what == "near":
        parent[key] = copy.deepcopy(_near(draw, parent[key]))
    elif what == "anything":
        parent[key] = draw(ANYTHING)
    elif what == "drop":
        del parent[key]
    elif what == "copy":  # a value from elsewhere
        parent[key] = copy.deepcopy(_at(tree, draw(st.sampled_from(places))))
    elif what == "nest":
        parent[key] = {str(key): parent[key]}
    elif what == "deep":
        deep: Any = parent[key]
        for _ in range(draw(st.sampled_from([3, 30, 60, 200]))):
            deep = [deep] if draw(st.booleans()) else {"x": deep}
        parent[key] = deep
    elif isinstance(parent, list):
        parent.insert(key, copy.deepcopy(parent[key]))
    elif what == "add":
        parent[draw(KEYS)] = draw(ANYTHING)
    elif what == "misspell":
        name = draw(
            st.sampled_from(
                [key[:-1], key + "s", key.upper(), key.title(), key[::-1], f" {key}", key + key]
            )
        )
        parent[name] = parent.pop(key)
    else:  # dot: the same key once more, or only, by its dotted name
        name = ".".join(str(step) for step in path)
        (parent if draw(st.booleans()) else tree)[name] = copy.deepcopy(parent[key])


def _change_mildly(draw: Draw, tree: Tree) -> None:
    """Change one number, truth value or list of numbers, in place; the file often stays valid."""

    def changeable(value: Any) -> bool:
        return isinstance(value, bool | int | float) or (
            isinstance(value, list)
            and bool(value)
            and all(isinstance(v, int | float) for v in value)
        )

    path = draw(
        st.sampled_from([p for p in places_in(tree) if changeable(_at(tree, p))] or [("seed",)])
    )
    parent, key = _at(tree, path[:-1]), path[-1]
    value = parent[key] if isinstance(parent, list) else parent.get(key, 0)
    if isinstance(value, bool):
        new: Any = not value
    elif isinstance(value, int):
        new = draw(st.integers(0, min(2 * abs(value) + 2, 1000)))
    elif isinstance(value, float):
        new = draw(
            st.one_of(
                st.floats(0, 1),
                st.floats(0, min(2 * abs(value) + 1, 1e6) if math.isfinite(value) else 2),
                st.sampled_from(FLOATS),
            )
        )
    else:
        numbers = (
            st.integers(0, 5)
            if isinstance(value[0], int)
            else st.one_of(st.floats(-2, 2), st.sampled_from(FLOATS))
        )
        new = sorted(draw(st.lists(numbers, min_size=1, max_size=4)))
    parent[key] = new


def _toml(tree: Tree) -> bytes:
    try:
        return tomli_w.dumps(tree).encode("utf-8", "surrogatepass")
    except (RecursionError, TypeError, ValueError):
        return repr(tree).encode("utf-8", "surrogatepass")


SNIPPETS = [
    b"",
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\r",
    b"\n",
    b'"""',
    b"'''",
    b"[",
    b"]]",
    b"=",
    b".",
    b"#",
    b"\\",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"{",
    b"nan",
    b"1e999",
    b"\nx = " + b"[" * 3000 + b"\n",
    b"\nx = " + b"9" * 5000 + b"\n",
    b"\n" + b".".join([b"a"] * 3000) + b" = 1\n",
    b"\nx = 2020-13-45\n",
    b"\nx = 0000-00-00\n",
    b"\nx = " + b"{a=" * 500 + b"1" + b"}" * 500 + b"\n",
    b"\nx = 25:61:00\n",
    b'\n"\\ud800" = 1\n',
    b"\nx = 0x" + b"f" * 5000 + b"\n",
    b"\x1b[2J",
    b"\xe2\x80\xa8",
]


def _damaged(draw: Draw, data: bytes) -> bytes:
    """Bytes as a broken disk, an editor or an incomplete copy would leave them."""
    for _ in range(draw(st.integers(1, 3))):
        at, to = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        what = draw(
            st.sampled_from(
                ["insert", "cut", "double", "truncate", "random", "lines", "encode", "empty"]
            )
        )
        if what == "insert":
            data = data[:at] + draw(st.sampled_from(SNIPPETS)) + data[at:]
        elif what == "cut":
            data = data[:at] + data[min(to, at + 20) :]
        elif what == "double":
            data = data[:to] + data[at:to] + data[to:]
        elif what == "truncate":
            data = data[:at]
        elif what == "random":
            data = data[:at] + draw(st.binary(max_size=6)) + data[at:]
        elif what == "lines":
            lines = data.split(b"\n")
            i, j = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines) - 1))
            lines[i], lines[j] = lines[j], lines[i]
            data = draw(st.sampled_from([b"\n", b"\r\n", b"\r"])).join(lines)
        elif what == "encode":
            words = data.decode("utf-8", "replace")
            data = words.encode(
                draw(st.sampled_from(["utf-16", "utf-32", "utf-8-sig", "cp500", "utf-7"])),
                "replace",
            )
        else:
            data = b""
    return data


def _setting(draw: Draw, tree: Tree) -> str:
    """A `--set` argument."""
    places = places_in(tree)
    path = [str(step) for step in draw(st.sampled_from(places))] if places else ["x"]
    key = ".".join(path)
    key = draw(
        st.sampled_from(
            [
                key,
                key,
                key,
                f"{key}.x",
                key[1:],
                key.upper(),
                "",
                ".",
                f"{key}.",
                f"{key}.0",
                f"phases.{'9' * 5000}.generations",
                ".".join(["a"] * 500),
                "seed",
                "title",
            ]
        )
    )
    value = draw(
        st.one_of(
            st.sampled_from(
                [
                    "",
                    "nan",
                    "-inf",
                    ".3",
                    "1_0",
                    "007",
                    "٣",
                    "1e999",
                    "[",
                    "[" * 3000,
                    "9" * 5000,
                    '"',
                    "1 # x",
                    "1\nseed = 2",
                    "a\nb",
                    "a=b",
                    "2020-01-01",
                    "[1, 2",
                    "{a = 1}",
                    "{}",
                    "[]",
                    "true",
                    "\udc80",
                    "\x1b[2J",
                    LONG,
                    "0x" + "f" * 5000,
                ]
            ),
            NUMBERS.map(str),
            st.text(max_size=5),
        )
    )
    return draw(
        st.sampled_from(
            [
                f"{key}={value}",
                f"{key}={value}",
                f"{key}={value}",
                f"{key} = {value}",
                key,
                f"={value}",
            ]
        )
    )


@st.composite
def cases(draw: Draw) -> Case:
    """Any example."""
    kind = draw(st.sampled_from(["experiment", "sweep"]))
    way = (
        draw(
            st.sampled_from(
                ["mild"] * 5 + ["values"] * 5 + ["settings"] * 2 + ["bytes"] * 2 + ["place"]
            )
        )
        if kind == "experiment"
        else draw(st.sampled_from(["mild"] * 4 + ["values"] * 5 + ["bytes"] * 2 + ["place"]))
    )
    name = draw(st.sampled_from(sorted(EXPERIMENTS if kind == "experiment" else SWEEPS)))
    tree = copy.deepcopy((EXPERIMENTS if kind == "experiment" else SWEEPS)[name])
    if kind == "experiment" and name == "micro":
        tree |= copy.deepcopy(SMALL)
    settings: tuple[str, ...] = ()
    place = "file"
    if way == "mild":
        for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
            _change_mildly(draw, tree)
    elif way == "values" or draw(st.integers(0, 3)) == 0:
        for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3, 6]))):
            with suppress(RecursionError):  # too deep to be changed again
                _mutate(draw, tree)
    data = _toml(tree)
    if way == "settings":
        settings = tuple(_setting(draw, tree) for _ in range(draw(st.integers(1, 3))))
    elif way == "bytes":
        data = _damaged(draw, data)
    elif way == "place":
        place = draw(st.sampled_from(["folder", "pipe", "nothing", "link to itself"]))
    files = {"given.toml": data}
    if kind == "sweep" and b"base.toml" in data:
        base = copy.deepcopy(EXPERIMENTS["micro"] | SMALL)
        if draw(st.booleans()):
            _mutate(draw, base)
        files["base.toml"] = (
            _damaged(draw, _toml(base)) if draw(st.integers(0, 4)) == 0 else _toml(base)
        )
    return Case(kind, way, files, settings, place)
