# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Errors raised when a service fails or its answer cannot be used.
"""

from __future__ import annotations

__all__ = ["AnswerError", "FetchError", "ServiceError", "UnknownTableError"]


class FetchError(RuntimeError):
    """
    Base class of errors when fetching data. Earlier answers are in the cache.
    """


class UnknownTableError(FetchError):
    """
    The service does not hold the table, or holds several under that name.
    """


class ServiceError(FetchError):
    """
    The service refused, or gave no answer at all.

    Parameters
    ----------
    message : str
        The cause, in the words of the server if it gave any.
    status : int, optional
        Status of the HTTP answer; None where the connection failed.
    is_transient : bool, optional
        Whether the same request may succeed later.
    """

    def __init__(
        self, message: str, *, status: int | None = None, is_transient: bool = False
    ) -> None:
        super().__init__(message)
        self.status = status
        self.is_transient = is_transient


class AnswerError(FetchError):
    """
    The answer is not what was requested: columns, rows or positions are wrong.

    Parameters
    ----------
    message : str
        The message.
    is_transient : bool, optional
        Whether the same request may succeed later, as after a truncated body.
    """

    def __init__(self, message: str, *, is_transient: bool = False) -> None:
        super().__init__(message)
        self.is_transient = is_transient
