"""Hash of the source code that a run depends on."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType
from typing import Any

from evosim.config import external_code, package_sources
from evosim.config.external_code import Choice
from evosim.config.schema import Experiment

ROOT = Path(__file__).resolve().parents[2]
NOTHING: Mapping[str, str] = MappingProxyType({})


def algorithm_of(experiment: Experiment | Choice) -> dict[str, str]:
    """Return the user's own algorithm and the hash of its sources.

    The result is empty if the algorithm is not the user's own, or if it is not installed.
    """
    algorithm = choice_of(experiment).algorithm
    digest = _hash_of_module(algorithm.partition(":")[0]) if ":" in algorithm else None
    return {algorithm: f"source {digest}"} if digest else {}


def choice_of(experiment: Experiment | Choice) -> Choice:
    """Return the world, genome and algorithm of an experiment, which may be code of others."""
    if isinstance(experiment, Choice):
        return experiment
    return Choice(
        experiment.world.name,
        str(experiment.genome.get("name", "")),
        str(experiment.optimizer.get("algorithm", "")),
    )


@cache
def _hash_of_module(module: str) -> str | None:
    """Hash the sources that a module imports, once a process; None if they are not found."""
    with contextlib.suppress(OSError):
        if files := package_sources.sources([module]):
            return _hashed(files).hexdigest()
    return None


def sources_digest(
    *experiments: Experiment | Choice, module: str = "", recorded: Mapping[str, str] = NOTHING
) -> str:
    """Hash the sources that experiments depend on.

    Equal digests of experiment and sources mean equal runs. The sources are those of evosim with
    its worlds and genomes. Packages of the experiments' worlds, genomes and own algorithms add
    theirs. Other packages do not matter. Runs, sweeps, checkpoints and claims use this function.
    The hash is computed once a process, so edits during a run have no effect.

    Parameters
    ----------
    *experiments
        Experiments, or what they use (`Choice`). Without any: only evosim's own sources.
    module
        A module of evosim. Of evosim's sources, only those that it can import count.
    recorded
        Packages in a provenance. Their hash replaces that of an algorithm that is not installed.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    own = _digest_of_own(module)
    others = sorted(
        {words for experiment in experiments for words in _others(choice_of(experiment), recorded)}
    )
    return blake2b("\n".join([own, *others]).encode(), digest_size=8).hexdigest() if others else own


def sources_of(experiment: Experiment) -> dict[str, str]:
    """Hash the sources that an experiment depends on, one package at a time.

    `sources_digest` also differs if two experiments use different packages. This function shows
    whether the code of one package differs.

    Parameters
    ----------
    experiment
        The experiment.

    Returns
    -------
    dict
        16 hexadecimal digits by package or module, `evosim` first. Packages that are not found are
        absent.
    """
    choice = choice_of(experiment)
    used = external_code.modules(choice) + (
        [choice.algorithm.partition(":")[0]] if ":" in choice.algorithm else []
    )
    digests = {package_sources.home_of(module): _hash_of_module(module) for module in used}
    return {"evosim": sources_digest()} | {
        name: digest for name, digest in digests.items() if digest
    }


def known_sources(facts: Mapping[str, object], experiment: Experiment) -> dict[str, str]:
    """Return the hashes of the code that made a run, as far as they are known.

    Parameters
    ----------
    facts
        The run's provenance. Without `sources_of` (runs of earlier versions) it has only the joint
        hash. That is evosim's own if the experiment uses no other code.
    experiment
        The run's experiment.

    Returns
    -------
    dict
        As `sources_of` returns it; empty if it is not known.
    """
    by_package = facts.get("sources_of")
    if isinstance(by_package, Mapping):
        return dict(by_package)
    if facts.get("sources") and external_code.all_own(choice_of(experiment)):
        return {"evosim": str(facts["sources"])}
    return {}


def _others(choice: Choice, recorded: Mapping[str, str]) -> Iterator[str]:
    """Yield the names and hashes of the sources of others that a choice uses."""
    if of_packages := _digest_of_others(choice):
        yield of_packages
    if ":" in choice.algorithm:
        yield json.dumps(
            algorithm_of(choice) or {choice.algorithm: recorded.get(choice.algorithm, "")}
        )


@cache
def _digest_of_own(module: str) -> str:
    files = _own_sources()
    chosen = _behind(module, files) if module else files.values()
    return _hashed((path.relative_to(ROOT).as_posix(), path) for path in sorted(chosen)).hexdigest()


@cache
def _digest_of_others(choice: Choice) -> str:
    """Hash the packages of a choice's world and genome; empty if they are evosim's own."""
    files = package_sources.sources(external_code.modules(choice))
    return _hashed(files).hexdigest() if files else ""


def forget_sources() -> None:
    """Forget all hashes, so that the next call computes them again."""
    for function in (
        _digest_of_own,
        _digest_of_others,
        _hash_of_module,
        _own_sources,
        package_sources.imported,
    ):
        function.cache_clear()


def _hashed(files: Iterable[tuple[str, Path]]) -> Any:
    digest = blake2b(digest_size=8)
    for name, path in files:
        digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest


@cache
def _own_sources() -> dict[str, Path]:
    """Return evosim's source files by the names of their modules."""
    out = {}
    # In a checkout worlds and genomes are links, which `rglob` does not follow.
    for package in ("evosim", "evosim/genomes", "evosim/worlds"):
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            out[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return out


def _behind(module: str, files: dict[str, Path]) -> set[Path]:
    """Return the files of a module and its packages, and of all that they import anywhere."""
    left, seen = [module], set[str]()
    while left:
        name = left.pop()
        if name in seen or not name:
            continue
        seen.add(name)
        left.append(name.rpartition(".")[0])
        if name in files:
            left += package_sources.imported(files[name])
    return {files[name] for name in seen if name in files}
