# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Records of the simulated sky, and draws from them.
"""

import functools
import tomllib
from importlib import resources

import numpy as np
from astropy.table import Column, MaskedColumn

__all__ = ["class_names", "draw_mixture", "draw_normal", "label_records", "put", "sky_records"]


@functools.cache
def _read(name):
    path = resources.files("claxboi.simulation") / "data" / name
    return tomllib.loads(path.read_text(encoding="utf-8"))


def sky_records():
    """
    Read the populations, surveys and missions.

    Returns
    -------
    records : dict
        Shared; do not modify it.
    """
    return _read("mock_sky.toml")


def label_records():
    """
    Read the records of the catalogues of known objects.

    Returns
    -------
    records : dict
        Shared; do not modify it.
    """
    return _read("mock_labels.toml")


def class_names():
    """
    List the true classes: the seven published ones, and "spurious".

    Returns
    -------
    names : list of str
    """
    return list(sky_records()["classes"])


def draw_normal(rng, pair, size):
    """
    Draw from a normal distribution.

    Parameters
    ----------
    rng : `~numpy.random.Generator`
        Random numbers.
    pair : pair of float
        Mean and standard deviation.
    size : int
        Number of values.

    Returns
    -------
    values : `~numpy.ndarray`
    """
    return rng.normal(pair[0], pair[1], size)


def draw_mixture(rng, parts, size):
    """
    Draw from a mixture of normal distributions.

    Parameters
    ----------
    rng : `~numpy.random.Generator`
        Random numbers.
    parts : list of [weight, center, spread]
        The mixture.
    size : int
        Number of values.

    Returns
    -------
    values : `~numpy.ndarray`
    """
    weight, center, spread = np.array(parts, float).T
    part = rng.choice(len(weight), size, p=weight / weight.sum())
    return rng.normal(center[part], spread[part])


def put(table, name, values, unit=None, mask=None):
    """
    Add a numeric column, masked where values are missing.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table, which is changed.
    name : str
        Name of the column.
    values : `~numpy.ndarray`
        NaN where missing.
    unit : str, optional
        Its unit.
    mask : `~numpy.ndarray` of bool, optional
        Further missing values.
    """
    values = np.asarray(values, float)
    missing = ~np.isfinite(values) if mask is None else mask | ~np.isfinite(values)
    if missing.any():
        table[name] = MaskedColumn(np.where(missing, np.nan, values), mask=missing, unit=unit)
    else:
        table[name] = Column(values, unit=unit)
