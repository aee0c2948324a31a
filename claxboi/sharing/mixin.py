# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Sharing as methods of a table.
"""

from .citations import bibtex
from .ds9 import write_ds9
from .samp import receive_selection, send_to

__all__ = ["SharingMixin"]


class SharingMixin:
    """
    What hands a table to other tools and to readers, as methods.

    Examples
    --------
    >>> from claxboi import XrayTable
    >>> x = XrayTable({"source_id": ["J1"], "ra": [10.68], "dec": [41.27], "pos_error": [0.6],
    ...                "prediction": ["AGN"], "P_AGN": [0.98]})
    >>> x.write_ds9("sources.reg")
    >>> "2022A&A...657A.138T" in x.bibtex()
    True

    With TOPCAT open on the same machine:

    >>> x.send_to("topcat")  # doctest: +SKIP
    ['TOPCAT']
    """

    def send_to(self, client=None, **settings):
        """
        Send the table to another program: `~claxboi.sharing.send_to`.

        Parameters
        ----------
        client : str, optional
            Name of the program, such as "topcat"; None sends to all that take tables.
        **settings
            The other arguments of `~claxboi.sharing.send_to`.

        Returns
        -------
        clients : list of str
            Names of the programs that loaded it.
        """
        return send_to(self, client, **settings)

    def receive_selection(self, **settings):
        """
        Wait for the rows that a person picks in TOPCAT: `~claxboi.sharing.receive_selection`.

        Parameters
        ----------
        **settings
            The arguments of `~claxboi.sharing.receive_selection`.

        Returns
        -------
        rows : `XrayTable`
        """
        return receive_selection(self, **settings)

    def write_ds9(self, path, **settings):
        """
        Write a region file for DS9: `~claxboi.sharing.write_ds9`.

        Parameters
        ----------
        path : str or path
            The file.
        **settings
            The other arguments of `~claxboi.sharing.write_ds9`.
        """
        write_ds9(self, path, **settings)

    def bibtex(self):
        """
        Write what the table asks to be cited: `~claxboi.sharing.bibtex`.

        Returns
        -------
        text : str
        """
        return bibtex(self)
