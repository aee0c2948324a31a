# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Suffixes of the files beside a classified table: each is added to the name of the table.
"""

__all__ = ["CANDIDATES_SUFFIX", "MODEL_SUFFIX"]

#: The model that classified the table.
MODEL_SUFFIX = ".model.ecsv"

#: All candidate counterparts that the table was classified over.
CANDIDATES_SUFFIX = ".candidates.fits"
