"""Hitchhiking: an allele that is linked to a driver.

Letters are those of `evosim.theory.two_locus`. The neutral allele has frequency x among D and y
among d chromosomes.
"""

from __future__ import annotations

from evosim.theory import require_recombination, require_unit


def tolerated_load(k: float) -> float:
    """Largest heterozygous cost of a completely linked allele that a driver still carries along.

    The cost is 1 - 1/(2k).

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    k : float
        Transmission ratio of a heterozygote, in [0, 1].

    Returns
    -------
    float
        Cost.

    Raises
    ------
    ValueError
        If k leaves [1/2, 1].
    """
    if not 0.5 <= k <= 1.0:
        raise ValueError(f"transmission ratio k must lie in [1/2, 1], but is {k}.")
    return 1.0 - 1.0 / (2.0 * k)


def hitchhike(q: float, x: float, y: float, r: float, k: float) -> tuple[float, float, float]:
    """One generation of a costless driver and a linked neutral allele.

    The recursion is `x' = x - r [2pk / (q + 2pk)] (x - y)`, `y' = y + r [2q(1 - k) / (p + 2q(1 -
    k))] (x - y)` and `q' = q^2 + 2pqk`. The brackets are the shares of D and of d gametes that come
    from heterozygotes.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    q : float
        Frequency of D.
    x : float
        Frequency of the neutral allele among D chromosomes.
    y : float
        Frequency of the neutral allele among d chromosomes.
    r : float
        Recombination fraction, in [0, 1/2].
    k : float
        Transmission ratio of a heterozygote, in [0, 1].

    Returns
    -------
    tuple of float
        Next q, x and y.

    Raises
    ------
    ValueError
        If a frequency or k leaves [0, 1] or r leaves [0, 1/2].
    """
    for name, value in (("q", q), ("x", x), ("y", y), ("transmission ratio k", k)):
        require_unit(name, value)
    require_recombination(r)
    p = 1.0 - q
    to_driver, to_wild = 2.0 * p * k, 2.0 * q * (1.0 - k)
    from_wild = to_driver / (q + to_driver) if to_driver else 0.0
    from_driver = to_wild / (p + to_wild) if to_wild else 0.0
    return min(q * (q + to_driver), 1.0), x - r * from_wild * (x - y), y + r * from_driver * (x - y)


def hitchhiked(q0: float, r: float, k: float) -> float:
    """Final frequency of a neutral allele that starts on every D chromosome and no other.

    The driver has no cost.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    q0 : float
        Frequency of D in generation 0.
    r : float
        Recombination fraction, in [0, 1/2].
    k : float
        Transmission ratio of a heterozygote, in [0, 1].

    Returns
    -------
    float
        Frequency, in [0, 1].

    Raises
    ------
    ValueError
        If q0 leaves (0, 1), r leaves [0, 1/2] or k leaves (1/2, 1].
    """
    _check_sweep(q0, k)
    q, x, y = q0, 1.0, 0.0
    while 1.0 - q > 1e-14:
        q, x, y = hitchhike(q, x, y, r, k)
    return x


def hitchhiked_on_sweep(q0: float, r: float, k: float) -> float:
    """`hitchhiked` on a fair allele that rises along the same trajectory by gamete selection.

    The recursion is x' = x - rp(x - y) and y' = y + rq(x - y). Fewer of the allele's gametes come
    from heterozygotes than of a driver's.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    q0 : float
        Frequency of D in generation 0.
    r : float
        Recombination fraction, in [0, 1/2].
    k : float
        Transmission ratio of a heterozygote, in [0, 1].

    Returns
    -------
    float
        Frequency, in [0, 1].

    Raises
    ------
    ValueError
        As for `hitchhiked`.
    """
    _check_sweep(q0, k)
    require_recombination(r)
    q, x, y = q0, 1.0, 0.0
    while 1.0 - q > 1e-14:
        x, y = x - r * (1.0 - q) * (x - y), y + r * q * (x - y)
        q = q * (q + 2.0 * (1.0 - q) * k)
    return x


def hitchhiked_roughly(q0: float, r: float, k: float) -> float:
    """The textbook approximation q0^(r/s) with s = 2k - 1 of `hitchhiked`; it is too high.

    Parameters
    ----------
    q0 : float
        Frequency of D in generation 0.
    r : float
        Recombination fraction, in [0, 1/2].
    k : float
        Transmission ratio of a heterozygote, in [0, 1].

    Returns
    -------
    float
        Frequency, in [0, 1].

    Raises
    ------
    ValueError
        As for `hitchhiked`.
    """
    _check_sweep(q0, k)
    require_recombination(r)
    return q0 ** (r / (2.0 * k - 1.0))


def _check_sweep(q0: float, k: float) -> None:
    if not 0.0 < q0 < 1.0:
        raise ValueError(f"frequency q0 must lie between 0 and 1, but is {q0}.")
    if not 0.5 < k <= 1.0:
        raise ValueError(f"transmission ratio k must lie above 1/2 and up to 1, but is {k}.")
