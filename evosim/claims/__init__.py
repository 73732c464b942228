"""Claims: statements of the texts behind this project, each tested by an experiment.

`CLAIMS` names the module of each claim. A module holds one `CLAIM`. The predictions are registered
in the experiment file of the same name. `evosim claims` computes, judges and prints them.

`experiments`, `populations`, `measurements`, `verdicts` and `study` are shared with the studies in
`scripts/studies/`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from evosim.runtime.home import has_home, use_temporary_home

if TYPE_CHECKING:
    from evosim.claims.claim import Claim

if not has_home():  # Altair needs a home folder when it is imported
    use_temporary_home()

# Modules are imported on demand: some import the compiler.
CLAIMS: dict[str, str] = {
    "claim-01-theorem": "theorem",
    "claim-02-birth-control": "birth_control",
    "claim-03-masturbation": "masturbation",
    "claim-04-greedy-genes": "greedy_genes",
    "claim-05-deception": "deception",
    "claim-06-demons": "demons",
    "claim-07-mazes": "mazes",
    "claim-08-villages": "villages",
    "claim-09-total-variation": "total_variation",
    "claim-10-capabilities": "capabilities",
    "claim-11-remedies": "remedies",
    "claim-12-detectors": "detectors",
    "claim-13-inner-alignment": "inner_alignment",
    "claim-14-mesa-optimization": "mesa_optimization",
}


def claim_of(name: str) -> Claim:
    """Import the module of a claim and return its `CLAIM`."""
    module = import_module(f"evosim.claims.{CLAIMS[name]}")
    claim: Claim = module.CLAIM
    return claim
