# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Step 2, what sources are compared with: catalogues from VizieR, XMatch, SIMBAD, tables, HATS.
"""

from .bibliography import bibtex
from .exceptions import AnswerError, CacheError, FetchError, ServiceError, UnknownTableError
from .fetch_plan import FetchPlan
from .mixin import CrossmatchMixin
from .records import ColumnRecord, Record, list_references, load_records
from .reference import Reference, get_reference

__all__ = [
    "AnswerError",
    "CacheError",
    "ColumnRecord",
    "CrossmatchMixin",
    "FetchError",
    "FetchPlan",
    "Record",
    "Reference",
    "ServiceError",
    "UnknownTableError",
    "bibtex",
    "get_reference",
    "list_references",
    "load_records",
]
