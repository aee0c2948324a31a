# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Compressed numbers and texts inside a page: deflated, as base64 in script elements that no browser
runs.

The page reads them with ``codec.js``; only these two files know the format.
"""

import base64
import hashlib
import json
import zlib

import numpy as np

__all__ = ["Blocks", "to_json"]

#: Missing integer inside a block.
NO_INTEGER = np.iinfo(np.int32).min

#: Bits of the mantissa to keep, for 5 significant digits.
MANTISSA_BITS = 16

#: Bits of a float32's mantissa.
FULL_MANTISSA = 23

#: Level of compression: a higher one takes twice the time and saves 1 %.
LEVEL = 6


class Blocks:
    """
    The blocks of a page.
    """

    def __init__(self):
        self._texts = []

    def _add(self, payload):
        self._texts.append(base64.b64encode(zlib.compress(payload, LEVEL)).decode("ascii"))
        return len(self._texts) - 1

    def _add_array(self, values):
        # Grouping bytes of equal significance improves the compression.
        values = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).ravel()
        planes = values.view(np.uint8).reshape(-1, values.itemsize).T
        kind = f"{values.dtype.kind}{values.itemsize}"
        return {"block": self._add(planes.tobytes()), "type": kind}

    def add_floats(self, values, bits=MANTISSA_BITS):
        """
        Add floats, rounded.

        Parameters
        ----------
        values : array-like of float
            The values, NaN where missing.
        bits : int, optional
            Bits of the mantissa to keep: 16 are 5 significant digits, 10 are 3.

        Returns
        -------
        where : dict
            Number of the block and type, for the page.
        """
        # Values beyond the range of float32 become infinite or zero; no property has any.
        with np.errstate(over="ignore", under="ignore"):
            single = np.array(values, np.float32)
        cut = FULL_MANTISSA - bits
        whole = single.view(np.uint32)
        finite = np.isfinite(single)
        whole[finite] += np.uint32(1 << (cut - 1))
        whole[finite] &= np.uint32((0xFFFFFFFF << cut) & 0xFFFFFFFF)
        single[np.isnan(single)] = np.nan  # one pattern of bits for all of them
        return self._add_array(single)

    def add_integers(self, values, missing=None):
        """
        Add 32-bit integers.

        Parameters
        ----------
        values : array-like of int
            The values.
        missing : array-like of bool, optional
            Where values are missing.

        Returns
        -------
        where : dict
        """
        values = np.array(values, np.int32)
        if missing is not None:
            values[np.asarray(missing)] = NO_INTEGER
        return self._add_array(values)

    def add_codes(self, codes):
        """
        Add small non-negative integers.

        Parameters
        ----------
        codes : array-like of int
            The numbers, below 65536.

        Returns
        -------
        where : dict
        """
        codes = np.asarray(codes)
        return self._add_array(codes.astype(np.uint8 if codes.max(initial=0) < 256 else np.uint16))

    def add_texts(self, texts):
        """
        Add texts, one a line.

        Parameters
        ----------
        texts : iterable of str
            The texts; a line break within one becomes a space.

        Returns
        -------
        where : dict
        """
        lines = "\n".join(" ".join(str(text).splitlines()) for text in texts)
        return {"block": self._add(lines.encode("utf-8", "replace")), "type": "text"}

    def digest(self):
        """
        Return a short hash of all contents.
        """
        whole = hashlib.sha256()
        for text in self._texts:
            whole.update(text.encode("ascii"))
        return whole.hexdigest()[:12]

    def to_html(self, numbers=None):
        """
        Return blocks as script elements.

        Parameters
        ----------
        numbers : iterable of int, optional
            Numbers of the blocks. Default: all.

        Returns
        -------
        html : str
        """
        numbers = range(len(self)) if numbers is None else sorted(numbers)
        return "\n".join(
            f'<script type="text/plain" id="block-{number}">{self._texts[number]}</script>'
            for number in numbers
        )

    def __len__(self):
        return len(self._texts)


def to_json(content):
    """
    Write JSON that is safe inside a script element, whatever it contains.

    Parameters
    ----------
    content : object
        Plain dicts, lists, texts, finite numbers and None.

    Returns
    -------
    text : str
    """
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
