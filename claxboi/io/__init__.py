# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Read and write tables, and read the answers of services.
"""

from ._answers import Answer, read_answer
from ._frames import add_to_frame, table_from_frame
from ._parquet_tables import table_from_arrow
from ._selection import table_file
from ._tables import WRITERS, as_votable, output_format, read_table, write_table
from ._text_tables import ecsv_text
from .exceptions import AnswerError, FetchError, ServiceError, UnknownTableError

__all__ = [
    "WRITERS",
    "Answer",
    "AnswerError",
    "FetchError",
    "ServiceError",
    "UnknownTableError",
    "add_to_frame",
    "as_votable",
    "ecsv_text",
    "output_format",
    "read_answer",
    "read_table",
    "table_file",
    "table_from_arrow",
    "table_from_frame",
    "write_table",
]
