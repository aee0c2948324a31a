# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Work on chunks of rows in threads: NumPy releases the interpreter while it works.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from claxboi.config import conf
from claxboi.utils import check_count

__all__ = [
    "check_n_jobs",
    "in_chunks",
    "in_parallel",
    "multiply",
    "number_of_threads",
    "threads",
]

#: Rows per chunk: so many that sorted ones share what they look up.
CHUNK_SIZE = 65536

#: OpenBLAS starts threads of its own for more multiplications than this, which wait for ours.
MOST_MULTIPLICATIONS = 2**18

#: More threads would wait for each other.
MOST_THREADS = 8

_asked = ContextVar("n_jobs", default=None)


def check_n_jobs(n_jobs):
    """
    Check a number of threads.

    Parameters
    ----------
    n_jobs : int or None
        The number; -1 for all cores, None for ``claxboi.conf.n_jobs``.

    Returns
    -------
    n_jobs : int or None

    Raises
    ------
    TypeError, ValueError
        If it is not a positive number, -1 or None.
    """
    if n_jobs is None or (isinstance(n_jobs, int) and n_jobs == -1):
        return n_jobs
    return check_count(n_jobs, "n_jobs")


@contextmanager
def threads(n_jobs):
    """
    Limit the number of threads for a block of code.

    Parameters
    ----------
    n_jobs : int or None
        The number; -1 for all cores; None leaves it as it is. Within a block of fewer threads, it
        stays at those.
    """
    if n_jobs is None:
        yield
        return
    outer = _asked.get()
    if outer is not None and outer > 0:
        n_jobs = min(outer, n_jobs) if n_jobs > 0 else outer
    token = _asked.set(n_jobs)
    try:
        yield
    finally:
        _asked.reset(token)


def number_of_threads():
    """
    Return the number of threads to use.

    Returns
    -------
    n_threads : int
        As many as were asked for, by `threads` or ``claxboi.conf.n_jobs``; else one for each core,
        up to 8. One within a worker of Dask, which has its own threads.
    """
    asked = _asked.get()
    if asked is None:
        if _is_dask_worker():
            return 1
        asked = conf.n_jobs
    cores = os.cpu_count() or 1
    return min(cores, MOST_THREADS) if asked in (0, -1) else asked


def _is_dask_worker():
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return False
    try:
        distributed.get_worker()
    except (ValueError, AttributeError):
        return False
    return True


def in_parallel(work, items):
    """
    Call a function of each item, in threads.

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
    n_threads = number_of_threads()
    if n_threads == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(n_threads) as pool:
        try:
            yield from pool.map(work, items)
        except BaseException:
            # Ctrl-C must not wait for all that is queued.
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def in_chunks(work, n, progress=None):
    """
    Call a function of each chunk of rows, in threads.

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


def multiply(few, many, out=None):
    """
    Multiply a small matrix by one of many columns, in the calling thread alone.

    Parameters
    ----------
    few : `~numpy.ndarray` of shape (k, m)
        The small one.
    many : `~numpy.ndarray` of shape (m, n)
        The other.
    out : `~numpy.ndarray` of shape (k, n), optional
        Is overwritten.

    Returns
    -------
    out : `~numpy.ndarray` of shape (k, n)
    """
    n = many.shape[1]
    if out is None:
        out = np.empty((len(few), n))
    step = max(MOST_MULTIPLICATIONS // max(few.size, 1), 1)
    for start in range(0, n, step):
        part = slice(start, start + step)
        np.matmul(few, many[:, part], out=out[:, part])
    return out
