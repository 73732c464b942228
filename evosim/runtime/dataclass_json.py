"""Frozen dataclasses as plain JSON values, and back.

A dataclass becomes a dictionary with one key per field, in the order of the fields. A `Key` in the
annotation of a field changes how it is written:

* `name`: the key, where it differs from the name of the field;
* `omit`: the key is left out where the field has this value, and the field gets it on reading;
* `inline`: the entries of the field (a dataclass or a mapping) stand in the dictionary of its
  owner. A mapping gets the keys that no other field has, or those that begin with `prefix`.

Reading ignores unknown keys, so that files of later versions can be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
_REQUIRED: Any = object()


class InvalidJson(ValueError):
    """A JSON value does not have the expected type: what was found, and where."""


@dataclass(frozen=True)
class Key:
    """How a field is written, in its annotation: `Annotated[float | None, Key(omit=None)]`."""

    name: str | None = None
    omit: Any = _REQUIRED
    inline: bool = False
    prefix: str = ""

    @property
    def omittable(self) -> bool:
        """Whether the key may be absent."""
        return self.omit is not _REQUIRED


def to_json(value: Any) -> Any:
    """Dictionaries, lists, texts and numbers of a tree of dataclasses.

    Parameters
    ----------
    value : Any
        A dataclass, mapping, tuple or list of such values, or a plain value.

    Returns
    -------
    Any
        New dictionaries and lists; plain values are not copied.
    """
    if is_dataclass(value) and not isinstance(value, type):
        out: dict[str, Any] = {}
        for field, (key, _) in _layout(type(value)).items():
            part = getattr(value, field)
            if key.omittable and part == key.omit:
                continue
            if key.inline:
                out |= {f"{key.prefix}{name}": x for name, x in to_json(part).items()}
            else:
                out[key.name or field] = to_json(part)
        return out
    if isinstance(value, Mapping):
        return {name: to_json(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return [to_json(part) for part in value]
    return value


def to_json_object(value: Any) -> dict[str, Any]:
    """A dataclass as one dictionary; see `to_json`."""
    data: dict[str, Any] = to_json(value)
    return data


def from_json(kind: type[T], data: Any) -> T:
    """A tree of dataclasses from what `to_json` returns.

    Parameters
    ----------
    kind : type
        The expected type.
    data : Any
        Plain JSON values. Numbers are not converted: an int where a float is expected stays an int.

    Returns
    -------
    kind
        The tree. Lists become tuples where a tuple is expected.

    Raises
    ------
    InvalidJson
        If a key is missing or a value has another type.
    """
    result: T = _read(kind, data, "", {})
    return result


@cache
def _layout(kind: type) -> dict[str, tuple[Key, Any]]:
    """By field of a dataclass: how it is written, and its type."""
    layout: dict[str, tuple[Key, Any]] = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        if get_origin(hint) is Annotated:
            own, *notes = get_args(hint)
            layout[name] = next(note for note in notes if isinstance(note, Key)), own
        else:
            layout[name] = Key(), hint
    return layout


def _read(kind: Any, data: Any, path: str, types: Mapping[Any, Any]) -> Any:
    """A value of a type. `types` are the arguments of the generic class around it."""
    kind = types.get(kind, kind) if isinstance(kind, TypeVar) else kind
    if kind is Any:
        return data
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _read_union(arguments, data, path, types)
    owner = origin or kind
    if is_dataclass(owner):
        # The arguments may be type variables of the class around this one
        own = [types.get(argument, argument) for argument in arguments]
        return _read_dataclass(owner, data, path, own)
    if owner is tuple:
        return _read_tuple(arguments, data, path, types)
    if isinstance(owner, type) and issubclass(owner, Mapping):
        _expect(isinstance(data, dict), path, "an object", data)
        return {name: _read(arguments[1], x, f"{path}.{name}", types) for name, x in data.items()}
    accepted = {float: (int, float), NoneType: (NoneType,)}.get(owner, (owner,))
    fits = isinstance(data, accepted) and (owner is bool or not isinstance(data, bool))
    _expect(fits, path, owner.__name__, data)
    return data


def _read_union(kinds: tuple[Any, ...], data: Any, path: str, types: Mapping[Any, Any]) -> Any:
    """The first of some types that a value has."""
    if data is None and NoneType in kinds:
        return None
    others = [kind for kind in kinds if kind is not NoneType]
    for kind in others[:-1]:
        try:
            return _read(kind, data, path, types)
        except InvalidJson:
            continue
    return _read(others[-1], data, path, types)


def _read_tuple(kinds: tuple[Any, ...], data: Any, path: str, types: Mapping[Any, Any]) -> Any:
    _expect(isinstance(data, list), path, "a list", data)
    if kinds[-1:] == (...,):
        kinds = (kinds[0],) * len(data)
    _expect(len(data) == len(kinds), path, f"{len(kinds)} values", data)
    return tuple(
        _read(kind, x, f"{path}[{i}]", types)
        for i, (kind, x) in enumerate(zip(kinds, data, strict=True))
    )


def _read_dataclass(owner: Any, data: Any, path: str, arguments: list[Any]) -> Any:
    _expect(isinstance(data, dict), path, "an object", data)
    parameters = getattr(owner, "__parameters__", ())
    types = dict(zip(parameters, arguments, strict=True)) if arguments else {}
    layout = _layout(owner)
    own_keys = {key.name or field for field, (key, _) in layout.items() if not key.inline}
    values: dict[str, Any] = {}
    for field, (key, kind) in layout.items():
        name = key.name or field
        if key.inline:
            rest = data
            if not is_dataclass(get_origin(kind) or kind):
                rest = {
                    x.removeprefix(key.prefix): data[x]
                    for x in data
                    if x.startswith(key.prefix) and x not in own_keys
                }
            values[field] = _read(kind, rest, path, types)
        elif name in data:
            values[field] = _read(kind, data[name], f"{path}.{name}", types)
        elif key.omittable:
            values[field] = key.omit
        else:
            raise InvalidJson(f"has no '{f'{path}.{name}'.lstrip('.')}'")
    return owner(**values)


def _expect(holds: bool, path: str, expected: str, value: Any) -> None:
    if not holds:
        place = f"'{path.lstrip('.')}'" if path else "its top level"
        raise InvalidJson(f"has {str(value)[:40]!r} at {place}, where {expected} is expected")
