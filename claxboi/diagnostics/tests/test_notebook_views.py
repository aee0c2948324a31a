# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the views for notebooks, by the messages that they send; no browser, no network.
"""

import builtins
import io

import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, Table

from claxboi import XrayTable
from claxboi.utils.style import COLORS, SHADE


@pytest.fixture
def table():
    x = XrayTable(
        {
            "source_id": ["a", "b", "c", "d"],
            "ra": MaskedColumn([10.0, 10.1, 10.2, 0.0], mask=[0, 0, 0, 1], unit="deg"),
            "dec": MaskedColumn([5.0, 5.0, 5.1, 0.0], mask=[0, 0, 0, 1], unit="deg"),
            "pos_error": [1.0, 2.0, np.nan, 1.0] * u.arcsec,
            "prediction": MaskedColumn(["AGN", "star", "AGN", ""], mask=[0, 0, 0, 1]),
            "opt_id": ["g1", "", "g3", ""],
            "opt_ra": [10.0001, np.nan, 10.2001, np.nan],
            "opt_dec": [5.0, np.nan, 5.1, np.nan],
            "hr1": [0.1, 0.2, np.nan, 0.3],
            "hr2": [0.1, 0.2, 0.3, 0.4],
        }
    )
    for name, values in (("major", [3.0, np.nan]), ("minor", [1.0, np.nan]), ("angle", [30.0, 0])):
        x[f"pos_error_{name}"] = [*values, np.nan, np.nan]
    return x


class TestWithoutPackages:
    @pytest.fixture(autouse=True)
    def nothing(self, monkeypatch):
        found = builtins.__import__

        def refuse(name, *args, **kwargs):
            if name.split(".")[0] in ("bokeh", "ipyaladin"):
                raise ImportError(name)
            return found(name, *args, **kwargs)

        monkeypatch.setattr(builtins, "__import__", refuse)

    def test_message(self, table):
        with pytest.raises(ImportError, match=r"pip install claxboi\[notebook\]"):
            table.aladin()
        with pytest.raises(ImportError, match=r"pip install claxboi\[notebook\]"):
            table.plot_linked("hr1", "hr2")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
class TestAladin:
    @pytest.fixture
    def sent(self, monkeypatch):
        ipyaladin = pytest.importorskip("ipyaladin")
        messages = []

        def keep(_self, message, buffers=None):
            messages.append((message, buffers))

        monkeypatch.setattr(ipyaladin.Aladin, "_send_or_queue", keep)
        return messages

    def tables(self, sent):
        """Return the tables that were sent, by name of their overlay."""
        return {
            message["options"]["name"]: (message["options"], Table.read(io.BytesIO(buffers[0])))
            for message, buffers in sent
            if message["event_name"] == "add_table"
        }

    def test_sources(self, table, sent):
        view = table.aladin(level=0.95)
        tables = self.tables(sent)
        assert list(tables) == ["AGN", "star", "opt counterparts"]
        options, agn = tables["AGN"]
        assert options["color"] == COLORS[0]
        assert agn["row"].tolist() == [0, 2]
        assert agn["source_id"].tolist() == ["a", "c"]
        np.testing.assert_allclose(agn["ra"], [10.0, 10.2])
        np.testing.assert_allclose(agn["error_major"].filled(np.nan), [3, np.nan])
        assert agn["error_angle"][0] == 30
        ellipse = options["ellipse_error"]
        assert ellipse["conversion_maj_axis"] * 3600 == pytest.approx(2.4477, abs=1e-4)
        assert tables["star"][1]["error_major"].tolist() == [2.0]
        assert view.widget.target.separation(table.coords[[0, 1, 2]]).max() < 0.2 * u.deg
        assert 0.2 < view.widget.fov.deg < 0.5
        assert view._repr_mimebundle_() is not None

    def test_links(self, table, sent):
        table.aladin()
        _, found = self.tables(sent)["opt counterparts"]
        assert found["row"].tolist() == [0, 2]
        assert found["id"].tolist() == ["g1", "g3"]
        (lines,) = (m for m, _ in sent if m["event_name"] == "add_overlay")
        texts = [info["infos"]["stcs"] for info in lines["regions_infos"]]
        end = "10.000100 5.000000"
        assert texts[0] == f"Polygon ICRS 10.000000 5.000000 {end} {end}"
        assert len(texts) == 2
        sent.clear()
        table.aladin(links=False)
        assert all(message["event_name"] == "add_table" for message, _ in sent)
        assert "opt counterparts" not in self.tables(sent)

    def test_without_classes(self, table, sent):
        table["source_id", "ra", "dec"].aladin()
        ((name, (options, found)),) = self.tables(sent).items()
        assert (name, options["color"], len(found)) == ("no class", SHADE, 3)

    def test_selection_on_the_sky(self, table, sent):
        view = table.aladin()
        assert len(view.selected) == 0
        objects = [{"ra": 0, "dec": 0, "x": 0, "y": 0, "data": {"row": row}} for row in (2, 0)]
        view.widget._selected_objects = [objects, objects[:1]]
        assert isinstance(view.selected, XrayTable)
        assert view.selected["source_id"].tolist() == ["a", "c"]

    @pytest.mark.parametrize(
        "sources",
        [
            lambda x: x[[1, 2]],
            lambda _: ["b", "c"],
            lambda _: [1, 2],
            lambda _: np.array([False, True, True, False]),
        ],
    )
    def test_selection_of_the_table(self, table, sent, sources):
        view = table.aladin()
        sent.clear()
        view.select(sources(table))
        assert self.tables(sent)["selected"][1]["row"].tolist() == [1, 2]
        assert view.widget.target.ra.deg == pytest.approx(10.1)
        sent.clear()
        view.select([])
        assert [message["event_name"] for message, _ in sent] == ["remove_overlay"]

    def test_errors(self, table, sent):
        view = table.aladin()
        with pytest.raises(ValueError, match="row 3 has none"):
            view.select(["d"])
        with pytest.raises(KeyError, match="no source 'x'"):
            view.select(["x"])
        with pytest.raises(ValueError, match=r"one value per row \(4\), got \(2,\)"):
            view.select(np.array([True, False]))
        with pytest.raises(ValueError, match="level must be"):
            table.aladin(level=1)
        with pytest.raises(ValueError, match="must have a source with a position"):
            table[3:].aladin()
        with pytest.raises(KeyError, match="no columns 'ra', 'dec'"):
            table["source_id", "hr1"].aladin()


class TestLinked:
    @pytest.fixture(autouse=True)
    def bokeh(self):
        pytest.importorskip("bokeh")

    def test_one_selection(self, table):
        from bokeh.models import ColumnDataSource, DataTable, Scatter

        layout = table.plot_linked("hr1", "hr2", columns=["opt_id"])
        (source,) = layout.select({"type": ColumnDataSource})
        assert source.data["class"].tolist() == ["AGN", "star", "AGN", "no class"]
        np.testing.assert_array_equal(source.data["hr1"], table["hr1"])
        assert {glyph.x for glyph in layout.select({"type": Scatter})} == {"hr1", "ra"}
        (entries,) = layout.select({"type": DataTable})
        names = [column.field for column in entries.columns]
        assert names == ["source_id", "class", "hr1", "hr2", "ra", "dec", "opt_id"]
        assert entries.source is source
        assert source.selected.js_property_callbacks

    def test_errors(self, table):
        with pytest.raises(KeyError, match="no column 'x'"):
            table.plot_linked("x", "hr2")
        with pytest.raises(TypeError, match="opt_id"):
            table.plot_linked("hr1", "opt_id")
