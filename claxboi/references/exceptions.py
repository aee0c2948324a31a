# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Errors raised when a catalogue cannot be fetched, one class for each remedy.
"""

from claxboi.io import AnswerError, FetchError, ServiceError, UnknownTableError

__all__ = ["AnswerError", "CacheError", "FetchError", "ServiceError", "UnknownTableError"]


class CacheError(FetchError):
    """
    The cache lacks an answer that is needed offline, or cannot be written.
    """
