"""Reads `summary.json` back, as a tree of `evosim.analysis.summary`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from evosim.analysis.account_inputs import account_modules
from evosim.analysis.summary import RunSummary, SearchSummary
from evosim.runtime.dataclass_json import InvalidJson, from_json


def read_search_summary(data: Any) -> SearchSummary:
    """The summary of a search from the content of its `summary.json`.

    Raises
    ------
    evosim.runtime.dataclass_json.InvalidJson
        If a key is missing, a value has another type, or there are no results.
    """
    summary = from_json(SearchSummary, _with_named_ends(data))
    if not summary.search:
        raise InvalidJson("has no results at 'search'")
    return summary


def _with_named_ends(data: Any) -> Any:
    """The summary of a search with named ends, which earlier versions wrote as a pair."""
    if not isinstance(data, dict) or not isinstance(data.get("search"), list):
        return data
    rows = []
    for i, row in enumerate(data["search"]):
        if isinstance(row, dict) and "interval" in row:
            ends = row["interval"] or [None, None]
            if not isinstance(ends, list) or len(ends) != 2:
                raise InvalidJson(f"has {str(ends)!r} at 'search[{i}].interval', not two ends")
            row = row | {"low": ends[0], "high": ends[1], "n": data.get("replicates")}
        rows.append(row)
    return data | {"search": rows}


def read_summary(data: Any) -> RunSummary:
    """The summary of a run from the content of its `summary.json`.

    Raises
    ------
    evosim.runtime.dataclass_json.InvalidJson
        If a key is missing or a value has another type. Unknown keys are ignored.
    """
    summary = from_json(RunSummary, data)
    stored = summary.account.parts
    parts: dict[str, Any] = {
        name: None if stored[name] is None else from_json(module.Summary, stored[name])
        for name, module in account_modules()
        if name in stored
    }
    return replace(summary, account=replace(summary.account, parts=parts))
