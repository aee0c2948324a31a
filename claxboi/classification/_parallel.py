# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Work on chunks of rows, on all processor cores: NumPy lets go of the interpreter while it works.
"""

import os
from concurrent.futures import ThreadPoolExecutor

__all__ = ["in_chunks", "in_parallel"]

#: Rows per chunk: so many that sorted ones share what they look up.
CHUNK_SIZE = 65536

#: More threads would wait for each other.
MOST_THREADS = 8


def in_parallel(work, items):
    """
    Call a function of each item, on all cores.

    Parameters
    ----------
    work : callable
        What is called with each item.
    items : iterable
        The items.

    Yields
    ------
    result : object
        What the function returned, in the order of the items.
    """
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MOST_THREADS)) as pool:
        try:
            yield from pool.map(work, items)
        except BaseException:
            # Ctrl-C must not wait for all that is queued.
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def in_chunks(work, n, progress=None):
    """
    Call a function of each chunk of rows, on all cores.

    Parameters
    ----------
    work : callable
        What is called with a slice of rows; what it returns is dropped.
    n : int
        Number of rows.
    progress : `~claxboi.utils.Progress`, optional
        Is told of the rows that are done.
    """
    rows = [slice(start, min(start + CHUNK_SIZE, n)) for start in range(0, n, CHUNK_SIZE)]
    for part, _ in zip(rows, in_parallel(work, rows), strict=True):
        if progress is not None:
            progress.update(part.stop - part.start)
