# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
A table of X-ray sources, with the steps as methods.
"""

from collections.abc import Mapping

from astropy.table import Table

from claxboi.classification import classify
from claxboi.counterparts import CounterpartMixin
from claxboi.diagnostics import DiagnosticsMixin
from claxboi.references import CrossmatchMixin
from claxboi.utils import is_missing

__all__ = ["XrayTable"]


class XrayTable(CrossmatchMixin, CounterpartMixin, DiagnosticsMixin, Table):
    """
    A table of X-ray sources whose methods are the steps of claxboi.

    It is an `~astropy.table.Table` in every way: it is made, read, written, sliced, stacked, copied
    and pickled as one, and stays what it is. A method never changes it, but returns a
    new table with columns added.

    Parameters
    ----------
    *args, **kwargs
        As for `~astropy.table.Table`.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi import XrayTable
    >>> x = XrayTable({"ra": [10.68, 15.0], "dec": [41.27, 41.2]})
    >>> galaxies = Table({"galaxy_id": ["M31"], "ra": [10.6847], "dec": [41.2688],
    ...                   "r25_major": [5340.0], "r25_ratio": [0.39], "r25_angle": [35.0]})
    >>> print(x.find_hosts(galaxies)["ra", "galaxy_id"])
      ra  galaxy_id
    ----- ---------
    10.68       M31
     15.0        --
    """

    def classify(self, priors=None, *, label="class", training=None, **settings):
        """
        Classify the sources: `~claxboi.classify`.

        Parameters
        ----------
        priors : mapping, sequence, "training", "estimate", array or callable, optional
            Prior proportions of the classes.
        label : str, optional
            Column with the known classes.
        training : `~astropy.table.Table`, optional
            Another labelled table to train on.
        **settings
            The other arguments of `~claxboi.classify`.

        Returns
        -------
        result : `XrayTable`
            With the classifier as ``model``, and its held-out scores on the labelled sources as
            ``evaluation`` (None where there are none), for the figures.
        """
        settings.pop("return_model", None)
        result, model = classify(
            self, priors, label=label, training=training, return_model=True, **settings
        )
        result.model = model
        sample = self if training is None else training
        if label in sample.colnames and not is_missing(sample, label).all():
            used = result.meta["claxboi"]["classification"]["priors"]
            result.evaluation = model.evaluate(
                sample,
                used if isinstance(used, Mapping) else "training",
                label=label,
                show_progress=settings.get("show_progress", True),
            )
        return result

    def __getitem__(self, item):
        return self._carry(super().__getitem__(item))

    def copy(self, copy_data=True):
        """
        Return a copy of the table.

        Parameters
        ----------
        copy_data : bool, optional
            Copy the data too (default).

        Returns
        -------
        table : `XrayTable`
        """
        return self._carry(super().copy(copy_data))

    def _carry(self, part):
        # What was learned goes with any part of the table: figures of a slice need it.
        if isinstance(part, XrayTable):
            part.model, part.evaluation = self.model, self.evaluation
        return part
