# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Progress of long tasks: a display, and a level of log records.
"""

import sys
import time

from astropy.utils.console import ProgressBar, human_time

__all__ = ["NOTE", "Progress"]

#: Level of the log records that the command line shows by default, between INFO and WARNING: one
#: line per step of a long job, not each of its details.
NOTE = 25


class Progress:
    """
    A progress display that appears after two seconds.

    Use it as a context manager and call `update` with the work that was done.

    Parameters
    ----------
    total : int
        Amount of work.
    label : str
        Text before the bar.
    show : bool, optional
        False shows nothing.
    delay : float, optional
        Seconds before the bar appears.

    Examples
    --------
    >>> from claxboi.utils import Progress
    >>> with Progress(3, "counting") as progress:
    ...     for _ in range(3):
    ...         progress.update(1)
    """

    def __init__(self, total, label, *, show=True, delay=2.0):
        self.total = int(total)
        self.label = label
        self.delay = delay
        self._show = show and self.total > 0
        self._done = 0
        self._bar = None

    def __enter__(self):
        self._start = time.monotonic()
        return self

    def update(self, amount=1):
        """
        Advance the display.

        Parameters
        ----------
        amount : int, optional
            Amount, in the unit of ``total``.
        """
        self._done = min(self._done + amount, self.total)
        if not self._show:
            return
        if self._bar is None and time.monotonic() - self._start >= self.delay:
            # A log file wants no bar that redraws itself.
            if sys.stderr.isatty():
                sys.stderr.write(f"{self.label}\n")
                self._bar = ProgressBar(self.total, file=sys.stderr)
            else:
                self._show = False
        if self._bar is not None:
            self._bar.update(self._done)

    def __exit__(self, exc_type, exc_value, traceback):
        if self._bar is not None:
            self._bar.__exit__(exc_type, exc_value, traceback)
            sys.stderr.write(f"{self.label}: {human_time(time.monotonic() - self._start)}\n")
        return False
