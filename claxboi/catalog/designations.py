# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Names of sources made from their positions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claxboi.utils import InputValueError, check_count, check_text, float_values

if TYPE_CHECKING:
    from numpy import ndarray
    from numpy.typing import ArrayLike

__all__ = ["designations"]

#: In units of the last digit: rounding errors of a position must not move it below an edge.
_SLACK = 1e-6


def designations(
    ra_deg: ArrayLike, dec_deg: ArrayLike, *, prefix: str = "J", decimals: int = 1
) -> ndarray:
    """
    Name sources by their positions as the IAU recommends: truncated, not rounded.

    Parameters
    ----------
    ra_deg, dec_deg : array-like of float
        Positions in degrees, ICRS.
    prefix : str, optional
        Text before the coordinates.
    decimals : int, optional
        Decimals of the seconds of right ascension; the declination has one less.

    Returns
    -------
    names : `~numpy.ndarray` of str
        Each name once: sources too close to each other for that are numbered in the order of their
        positions, the second with ``-2``.

    Examples
    --------
    >>> from claxboi.catalog import designations
    >>> designations([10.6847, 10.6847], [41.2691, 41.2691], prefix="4XMM J").tolist()
    ['4XMM J004244.3+411608', '4XMM J004244.3+411608-2']
    """
    check_text(prefix, "prefix")
    check_count(decimals, "decimals", minimum=0)
    ra, dec = (
        float_values({name: np.asarray(values)}, name)
        for name, values in (("ra_deg", ra_deg), ("dec_deg", dec_deg))
    )
    if ra.ndim != 1 or ra.shape != dec.shape:
        raise InputValueError(
            f"ra_deg and dec_deg must be arrays of one length, got shapes {ra.shape} and "
            f"{dec.shape}"
        )
    scale, arc_scale = 10**decimals, 10 ** max(decimals - 1, 0)
    ticks = np.floor(ra * 240 * scale + _SLACK).astype(np.int64) % (86_400 * scale)
    arcs = np.floor(np.abs(dec) * 3600 * arc_scale + _SLACK).astype(np.int64)
    sign = np.where(dec < 0, ord("-"), ord("+"))[:, None]
    letters = np.hstack([*_parts(ticks, scale), sign, *_parts(arcs, arc_scale)]).astype(np.uint8)
    names = letters.view(f"S{letters.shape[1]}")[:, 0].astype(str)
    names = np.char.add(prefix, names) if len(names) else names
    order = np.lexsort((dec, ra, names))
    _, start, count = np.unique(names[order], return_index=True, return_counts=True)
    number = np.arange(len(names)) - np.repeat(start, count) + 1
    twins = order[number > 1]
    if len(twins):
        numbered = np.char.add(names[twins], np.char.add("-", number[number > 1].astype(str)))
        names = names.astype(np.result_type(names, numbered))
        names[twins] = numbered
    return names


def _parts(ticks, scale):
    """
    Return the characters of hours or degrees, minutes and seconds, as arrays of codes.
    """
    whole = ticks // scale
    parts = [_digits(whole // 3600, 2), _digits(whole // 60 % 60, 2), _digits(whole % 60, 2)]
    if scale > 1:
        point = np.full((len(ticks), 1), ord("."))
        parts += [point, _digits(ticks % scale, len(str(scale)) - 1)]
    return parts


def _digits(numbers, n):
    return np.stack([numbers // 10**k % 10 for k in reversed(range(n))], axis=1) + ord("0")
