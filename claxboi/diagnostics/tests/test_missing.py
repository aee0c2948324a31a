# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the figure of what is known of the sources.
"""

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from claxboi import XrayTable
from claxboi.diagnostics import plot_missing


@pytest.fixture
def table():
    return Table(
        {
            "class": MaskedColumn(["AGN", "AGN", "star", "star", ""], mask=[0, 0, 0, 0, 1]),
            "hr1": MaskedColumn([1.0, 2, 3, 4, 5], mask=[1, 0, 1, 1, 0]),
            "pm": [1.0, np.nan, 3, 4, np.nan],
            "b": np.arange(5.0),
        }
    )


def test_cells_count_what_is_there(table, check_drawing):
    ax = plot_missing(table)
    texts = check_drawing(ax)
    (image,) = ax.images
    # By category as the properties come: hr1 is of the spectrum, pm and b of the location.
    np.testing.assert_allclose(image.get_array(), [[2 / 5, 1 / 2, 0], [3 / 5, 1 / 2, 1], [1, 1, 1]])
    cells = {(x, y): text.get_text() for text in ax.texts for x, y in [text.get_position()]}
    assert cells[0, 0] == "40"
    assert cells[2, 0] == "0"
    assert [label.get_text() for label in ax.get_yticklabels()] == ["$HR_{1}$", r"$\mu$", "$b$"]
    assert {"all\n(5)", "AGN\n(2)", "star\n(2)", "Sources with a value [%]"} <= set(texts)


def test_chosen_columns_keep_their_order(table):
    (image,) = plot_missing(table, ["b", "hr1"], classes=["star"]).images
    np.testing.assert_allclose(image.get_array(), [[1, 1], [2 / 5, 0]])


def test_neither_all_nor_none_is_rounded_to():
    table = Table({"a": np.arange(1000.0), "b": np.full(1000, np.nan)})
    table["a"][0], table["b"][0] = np.nan, 1.0
    assert [text.get_text() for text in plot_missing(table, ["a", "b"]).texts] == [">99", "<1"]


def test_without_classes(table):
    del table["class"]
    (image,) = XrayTable(table).plot_missing().images
    assert image.get_array().shape == (3, 1)


def test_errors(table):
    with pytest.raises(KeyError, match="no column 'hr9'"):
        plot_missing(table, ["hr9"])
    with pytest.raises(TypeError, match="columns must be a sequence of names, got the string"):
        plot_missing(table, "hr1")
    with pytest.raises(ValueError, match="columns must name at least one property"):
        plot_missing(table, [])
    with pytest.raises(ValueError, match="the table has no known properties"):
        plot_missing(table["class",])
    with pytest.raises(ValueError, match="each of classes must be one of"):
        plot_missing(table, classes=["CV"])
