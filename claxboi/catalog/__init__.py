# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Step 1, what comes in: the vocabulary of columns.
"""

from .columns import describe, make_column, vocabulary

__all__ = ["describe", "make_column", "vocabulary"]
