# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Outlying sources, unlike the members of every class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.stats import false_discovery_control

from claxboi.catalog import make_column
from claxboi.classification import check_model
from claxboi.classification.results import read_classified
from claxboi.utils import (
    InputValueError,
    add_columns,
    check_choice,
    check_number,
    checked,
    float_values,
    record,
    warn,
)

if TYPE_CHECKING:
    from astropy.table import Table

    from claxboi.classification import NaiveBayesClassifier

__all__ = ["find_novelties"]


@checked
def find_novelties(
    result: Table,
    model: NaiveBayesClassifier | None = None,
    *,
    alpha: float = 0.01,
    control: Literal["benjamini-hochberg"] | None = None,
    overwrite: bool = False,
) -> Table:
    r"""
    Find the sources that are outliers of every class, and the properties that make them so.

    Parameters
    ----------
    result : `~astropy.table.Table`
        Classified sources, as `~claxboi.classify` returns them, with ``outlier_pvalue``. Not
        changed.
    model : `~claxboi.classification.NaiveBayesClassifier`, optional
        The model that classified them, to find the property in which they are outliers. Its columns
        must be in the result.
    alpha : float, optional
        Largest p-value (default 0.01); with ``control``, the false discovery rate.
    control : None or "benjamini-hochberg", optional
        None (default): of n ordinary sources, alpha n are expected in the list. Otherwise of the
        sources in the list, a share alpha is expected to be ordinary (Benjamini & Hochberg
        1995).
    overwrite : bool, optional
        Replace columns of the same name.

    Returns
    -------
    novelties : same class as the result
        The outliers, lowest p-value first (at equal p-values by ``outlier``), with
        ``outlier_qvalue``, and with a model ``odd_property``, ``odd_nats`` and ``odd_reason``. No
        rows where there are none.

    Raises
    ------
    KeyError
        If a column is absent.
    ValueError
        If an option is unknown, or no source has a p-value (the original's densities give none).

    Warns
    -----
    ClaxboiWarning
        If a class has too few training sources for any p-value to be as small as ``alpha``.

    Notes
    -----
    ``outlier_pvalue`` is the largest over the classes of a conformal p-value: the fraction of the
    held-out members of the class that are at least as outlying. It holds for any distribution, but
    no p-value is smaller than :math:`1/(n+1)`, for the n training sources of the smallest class:
    with few, leave the class out of the model that looks for novelties, or merge it. To find k
    novelties among N sources at a false discovery rate of alpha takes about N/(k alpha) of them.
    Conformal p-values share the training sample, which keeps them positively dependent, so that
    the rate is controlled (Bates et al. 2023, Ann. Stat. 51, 149).

    A source may be an outlier because it is a new kind of object, because the training sample
    lacks the common (faint, distant, absorbed) members of a class, or because a counterpart is
    wrong.

    Properties are compared by how many nats their density at the value lies below its peak, for
    the class with the smallest sum. Densities have a floor, so the numbers stay finite. The peak
    is taken over the values in the result.

    References
    ----------
    Benjamini & Hochberg 1995, J. R. Stat. Soc. B 57, 289; Vovk, Gammerman & Shafer 2005,
    *Algorithmic Learning in a Random World*.

    Examples
    --------
    >>> from claxboi.applications import find_novelties
    >>> from claxboi.classification import NaiveBayesClassifier
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(1000, rng=1)
    >>> properties = ["hr1", "hr2", "log_fx_fw1"]
    >>> model = NaiveBayesClassifier(properties, classes=["AGN", "star"]).fit(table)
    >>> table["log_fx_fw1"][7] = 60.0
    >>> result = model.classify(table, {"AGN": 0.7, "star": 0.3})
    >>> odd = find_novelties(result, model)
    >>> print(odd["odd_property"][0])
    log_fx_fw1
    """
    read_classified(result, ["prediction", "P_{class}", "outlier_pvalue"])
    alpha = check_number(alpha, "alpha", minimum=0, maximum=1)
    check_choice(control, (None, "benjamini-hochberg"), "control")
    if model is not None:
        check_model(model)
    _check_reach(result, alpha)
    pvalue = float_values(result, "outlier_pvalue")
    known = np.flatnonzero(np.isfinite(pvalue))
    if len(known) == 0:
        raise InputValueError("column 'outlier_pvalue' of result must have a value for some source")
    qvalue = np.full(len(result), np.nan)
    qvalue[known] = false_discovery_control(pvalue[known], method="bh")
    chosen = np.flatnonzero((pvalue if control is None else qvalue) <= alpha)
    outlier = np.zeros(len(result))
    if "outlier" in result.colnames:
        outlier = np.nan_to_num(float_values(result, "outlier"))
    chosen = chosen[np.lexsort((-outlier[chosen], pvalue[chosen]))]
    columns = {"outlier_qvalue": make_column("outlier_qvalue", qvalue[chosen])}
    if model is not None:
        columns |= _oddities(result, model, chosen)
    novelties = add_columns(result[chosen], columns, overwrite=overwrite)
    novelties.meta = record(
        result.meta,
        "novelties",
        alpha=alpha,
        control=control or "none",
        n_sources=len(known),
        n_novelties=len(chosen),
        n_expected=float(alpha * (len(known) if control is None else len(chosen))),
    )
    return novelties


def _check_reach(result, alpha):
    settings = result.meta["claxboi"]["classification"]
    counts = settings.get("class_counts", [np.inf])
    smallest = int(np.argmin(counts))
    if 1 / (counts[smallest] + 1) > alpha:
        warn(
            f"class {settings['classes'][smallest]} has {counts[smallest]:g} training sources, "
            f"so no p-value is below {1 / (counts[smallest] + 1):.2g} and none reaches "
            f"alpha={alpha:g}; leave the class out of the model, or merge it into another"
        )


def _oddities(result, model, rows):
    names = [item.column for item in model.properties]
    values = np.array([float_values(result, name) for name in names])
    # How far below its peak the density of each property is, for each class.
    nats = np.zeros((len(names), len(rows), len(model.classes_)))
    for p, name in enumerate(names):
        with np.errstate(divide="ignore"):
            density = np.log(model.density(name, values[p]))
        here = np.isfinite(values[p])
        if here.any():
            below = density[here].max(axis=0) - density[rows]
            nats[p] = np.where(here[rows, np.newaxis], below, 0.0)
    likest = nats.sum(axis=0).argmin(axis=1)
    own = nats[:, np.arange(len(rows)), likest]
    odd = own.argmax(axis=0)
    worst = own[odd, np.arange(len(rows))]
    reasons = [
        f"{names[p]} = {values[p, row]:.4g}: {amount:.1f} nats below the peak of "
        f"{model.classes_[c]}, which it is most like"
        if amount > 0
        else "no property alone"
        for p, row, c, amount in zip(odd, rows, likest, worst, strict=True)
    ]
    return {
        "odd_property": make_column("odd_property", np.array(names)[odd]),
        "odd_nats": make_column("odd_nats", worst),
        "odd_reason": make_column("odd_reason", np.array(reasons, str)),
    }
