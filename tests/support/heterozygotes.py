"""A small grid on which heterozygotes are better than every genome that breeds true."""

from __future__ import annotations

# Of coarse savannas: 243 genotypes, of which 32 breed true. The best in either world is another.
HETEROZYGOTE_IS_BEST = (
    *(f"genome.weights.{name}.alleles=[0,1]" for name in ("ease", "company", "pleasure")),
    "genome.weights.solo.alleles=[-1,0]",
    "genome.weights.young.alleles=[0,2]",
    "genome.horizon.alleles=[3]",
)
