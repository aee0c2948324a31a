# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Log file of a job.
"""

import logging
import warnings
from contextlib import contextmanager

from claxboi.utils import ClaxboiWarning

from .setting_names import in_settings

__all__ = ["logged"]

_FORMAT = "%(asctime)s %(levelname)s %(message)s"


@contextmanager
def logged(path):
    """
    Write the log of a job to a file, and collect its warnings.

    Parameters
    ----------
    path : str or path
        The log file. An existing one is continued.

    Yields
    ------
    caught : list of str
        The warnings so far, with settings in place of Python arguments.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    # When it is imported it takes over how warnings are shown: that must not come later.
    import astroquery  # noqa: F401

    logger = logging.getLogger("claxboi")
    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as err:
        raise OSError(f"{path} cannot be written: {err.strerror}") from err
    handler.setFormatter(logging.Formatter(_FORMAT))
    level, caught = logger.level, []
    logger.addHandler(handler)
    if logger.getEffectiveLevel() > logging.INFO:
        logger.setLevel(logging.INFO)
    with warnings.catch_warnings():
        show = warnings.showwarning

        def note(message, category, *args, **kwargs):
            caught.append(in_settings(" ".join(str(message).split())))
            _say_in(handler, logging.WARNING, caught[-1])
            is_own = issubclass(category, ClaxboiWarning)
            show(category(caught[-1]) if is_own else message, category, *args, **kwargs)

        warnings.showwarning = note
        try:
            yield caught
        except BaseException as err:
            _say_in(handler, logging.ERROR, f"ended by {type(err).__name__}: {err}")
            raise
        finally:
            logger.setLevel(level)
            logger.removeHandler(handler)
            handler.close()


def _say_in(handler, level, text):
    # To the file alone: whoever calls sees it anyway.
    handler.handle(logging.LogRecord(__name__, level, __file__, 0, text, None, None))
