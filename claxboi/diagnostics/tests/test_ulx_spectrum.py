# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the figure of candidate ultra-luminous X-ray sources.
"""

import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from claxboi.diagnostics import plot_ulx


@pytest.fixture
def table():
    return Table(
        {
            "xrb_probability": [0.9, 0.8, 0.2, 0.99, 0.5, 0.5],
            "f_contaminant": MaskedColumn([0.1, 0.2, 0.5, 0.03, 0.4, 0.0], mask=[0, 0, 0, 0, 0, 1]),
            "is_nuclear": [False, False, False, False, True, False],
            "is_ulx": [True, True, False, True, False, False],
            "is_hlx": [False, False, False, True, False, False],
        }
    )


def test_each_group_is_drawn_once(table):
    ax = plot_ulx(table)
    groups = {part.get_label(): part.get_offsets() for part in ax.collections[1:]}
    assert list(groups) == [
        "other source (1)",
        "nuclear (1)",
        "ULX candidate (2)",
        "HLX candidate (1)",
    ]
    np.testing.assert_allclose(groups["ULX candidate (2)"], [[0.1, 0.9], [0.2, 0.8]])
    x, y = ax.lines[0].get_data()
    np.testing.assert_allclose(x, y)
    assert ax.get_xlim()[0] == 0.01
    ax.figure.savefig(io.BytesIO(), format="svg")
    plt.close(ax.figure)


def test_own_axes(table):
    figure, own = plt.subplots()
    assert plot_ulx(table, ax=own) is own
    plt.close(figure)


def test_errors(table):
    with pytest.raises(KeyError, match="'is_hlx'"):
        plot_ulx(table[table.colnames[:-1]])
    with pytest.raises(ValueError, match="must have a value for some source"):
        plot_ulx(table[5:])
