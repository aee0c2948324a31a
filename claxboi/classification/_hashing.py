# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Numbers that look random and are the same on any machine.
"""

import numpy as np

__all__ = ["mix"]


def mix(keys, numbers):
    """
    Mix numbers into keys: the finaliser of splitmix64 (Steele et al. 2014, OOPSLA).

    Parameters
    ----------
    keys, numbers : `~numpy.ndarray` of uint64
        Of one shape.

    Returns
    -------
    keys : `~numpy.ndarray` of uint64
    """
    keys = (keys ^ numbers) + np.uint64(0x9E3779B97F4A7C15)
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))
