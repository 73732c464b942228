"""Values of genome classes that all accounts with the same worlds and genome share."""

from __future__ import annotations

from evosim.analysis import behaviour
from evosim.analysis.class_values import ClassEvaluator
from evosim.analysis.genotype_accounts import GenotypeAccounts
from evosim.errors import UserError
from evosim.genomes import Genome
from evosim.runtime.bounded_cache import BoundedCache
from evosim.worlds import WorldPair

MOST_LEDGERS = 4096


def gaps_of_pair(pair: WorldPair) -> behaviour.Gaps:
    """The gaps of a world pair.

    Raises
    ------
    UserError
        If all policies of the ancestral world have the same fitness.
    """
    try:
        return behaviour.gaps_of(pair)
    except behaviour.NoSpan as error:
        raise UserError(
            f"a world must have better and worse policies, but {error}. Give it payoffs or chances"
            " by which policies differ."
        ) from None


class SharedCache:
    """Behaviour, losses and causes of classes in one world pair.

    Only a bounded number is stored; the rest is computed again. No number depends on that.
    """

    def __init__(self, genome: Genome, pair: WorldPair) -> None:
        self.evaluator = ClassEvaluator(genome, pair)
        self.gaps = gaps_of_pair(pair)
        self.genotypes = GenotypeAccounts(self.evaluator)
        self._ledgers: BoundedCache[int, behaviour.Ledger] = BoundedCache(MOST_LEDGERS)

    def ledger(self, class_id: int) -> behaviour.Ledger:
        """The behaviour ledger of a class."""
        return self._ledgers.get(class_id, lambda: self._ledger(class_id))

    def _ledger(self, class_id: int) -> behaviour.Ledger:
        ancestral = self.evaluator.evaluate(class_id, "ancestral")
        modern = self.evaluator.evaluate(class_id, "modern")
        return behaviour.ledger_of(self.gaps, ancestral, modern)
