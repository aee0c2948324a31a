# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Step 2: search catalogues from VizieR, XMatch, SIMBAD, local tables and HATS.
"""

from ._cache import answers_are_kept, recorded_answers
from .citations import acknowledgements, bibtex, cited
from .exceptions import AnswerError, CacheError, FetchError, ServiceError, UnknownTableError
from .fetch_plan import FetchPlan
from .find_reference import get_reference
from .mixin import CrossmatchMixin
from .records import ColumnRecord, Record, list_references, load_records
from .reference import Reference

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
    "acknowledgements",
    "answers_are_kept",
    "bibtex",
    "cited",
    "get_reference",
    "list_references",
    "load_records",
    "recorded_answers",
]
