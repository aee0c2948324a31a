# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, Table
from astropy.utils import minversion
from astropy.wcs import WCS
from regions import EllipseSkyRegion, PointSkyRegion, Regions

from claxboi.sharing import error_regions, write_ds9


@pytest.fixture
def sources():
    return Table(
        {
            "source_id": ["J1", "J{2}", "J3"],
            "ra": [10.0, 20.0, 30.0],
            "dec": [0.0, 60.0, -5.0],
            "pos_error": [2.0, 1.0, np.nan],
            "pos_error_major": [2.0, np.nan, np.nan],
            "pos_error_minor": [0.5, np.nan, np.nan],
            "pos_error_angle": [0.0, np.nan, np.nan],
            "prediction": ["AGN", "star", "AGN"],
            "P_AGN": [0.951, 0.1, 0.5],
            "P_star": [0.049, 0.9, 0.5],
        }
    )


def test_ellipses(sources):
    first, second, third = error_regions(sources)
    assert isinstance(first, EllipseSkyRegion)
    # 95 % of a two-dimensional normal distribution: sqrt(-2 ln 0.05) sigma.
    scale = 2 * np.sqrt(-2 * np.log(0.05))
    assert first.width.to_value(u.arcsec) == pytest.approx(2 * scale)
    assert first.height.to_value(u.arcsec) == pytest.approx(0.5 * scale)
    assert second.width.to_value(u.arcsec) == pytest.approx(scale)
    assert isinstance(third, PointSkyRegion)
    assert first.meta["text"] == "J1 AGN 0.95"
    assert second.meta["text"] == "J(2) star 0.90"
    assert first.meta["tag"] == ["AGN"]
    assert first.visual["color"] == third.visual["color"] != second.visual["color"]
    one_sigma = error_regions(sources, level=1 - np.exp(-0.5))[1]
    assert one_sigma.width.to_value(u.arcsec) == pytest.approx(2)


def test_major_axis_points_north(sources):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [10, 0]
    wcs.wcs.cdelt = [-0.1 / 3600, 0.1 / 3600]
    region = error_regions(sources)[0]
    centre = SkyCoord(10, 0, unit="deg")
    north = centre.directional_offset_by(0 * u.deg, 4 * u.arcsec)
    east = centre.directional_offset_by(90 * u.deg, 4 * u.arcsec)
    assert region.contains(north, wcs)
    assert not region.contains(east, wcs)


def test_file_is_read_back(sources, tmp_path):
    galaxies = Table({"galaxy_id": ["M31"], "ra": [10.7], "dec": [41.3], "r25_major": [5340.0]})
    galaxies["r25_ratio"], galaxies["r25_angle"] = 0.39, 35.0
    path = tmp_path / "sources.reg"
    write_ds9(sources, path, galaxies=galaxies)
    back = Regions.read(path, format="ds9")
    assert [region.meta.get("text") for region in back] == [
        "J1 AGN 0.95",
        "J(2) star 0.90",
        "J3 AGN 0.50",
        "M31",
    ]
    assert back[0].width.to_value(u.arcsec) == pytest.approx(9.79, abs=0.01)
    text = path.read_text()
    assert "color=#0072B2" in text
    assert "tag={AGN}" in text
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write_ds9(sources, path)
    write_ds9(sources[:1], path, overwrite=True)
    assert len(Regions.read(path, format="ds9")) == 1


def test_names_that_would_end_a_text(sources, tmp_path):
    names = ['a;b # "q"', "x}\ny", "{t}\t'"]
    sources["source_id"] = names
    sources["prediction"] = ["A}G;N", "größer", "s{t\nr"]
    galaxies = Table({"galaxy_id": ["M}\n31"], "ra": [10.7], "dec": [41.3], "r25_major": [60.0]})
    galaxies["r25_ratio"], galaxies["r25_angle"] = 0.39, 35.0
    write_ds9(sources, tmp_path / "odd.reg", galaxies=galaxies)
    lines = (tmp_path / "odd.reg").read_text(encoding="utf-8").strip().splitlines()
    assert len(lines) == 2 + 4
    back = Regions.read(tmp_path / "odd.reg", format="ds9")
    assert [region.meta["text"] for region in back] == [
        'a,b # "q" A)G,N',
        "x) y größer",
        "(t) ' s(t r",
        "M) 31",
    ]
    assert [region.meta["tag"] for region in back] == [
        ["A)G,N"],
        ["größer"],
        ["s(t r"],
        ["galaxy"],
    ]


def test_major_axis_turns_from_north_to_east(sources, tmp_path):
    sources["pos_error_angle"][0] = 30.0
    write_ds9(sources[:1], tmp_path / "one.reg")
    (region,) = Regions.read(tmp_path / "one.reg", format="ds9")
    centre = SkyCoord(10, 0, unit="deg")
    # A turned image, as seen and mirrored; before 0.12 regions does not mirror the angle.
    for parity in (-1, 1) if minversion("regions", "0.12") else (-1,):
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        wcs.wcs.crval = [10, 0]
        cos, sin = np.cos(0.7), np.sin(0.7)
        wcs.wcs.cd = np.array([[cos, -sin], [sin, cos]]) @ np.diag([parity, 1]) * 0.1 / 3600
        inside = [
            region.contains(centre.directional_offset_by(angle * u.deg, 4 * u.arcsec), wcs)
            for angle in (30, 210, 120, -30)
        ]
        assert inside == [True, True, False, False]


def test_nothing_to_show(tmp_path):
    table = Table({"ra": MaskedColumn([1.0], mask=[True]), "dec": [2.0]})
    assert len(error_regions(table)) == 0
    write_ds9(table[:0], tmp_path / "empty.reg")
    assert len(Regions.read(tmp_path / "empty.reg", format="ds9")) == 0


def test_bare_positions_are_points():
    (region,) = error_regions(Table({"ra": [1.0], "dec": [2.0]}))
    assert isinstance(region, PointSkyRegion)
    assert "text" not in region.meta


def test_errors(sources):
    with pytest.raises(KeyError, match="no column 'ra'"):
        error_regions(Table({"dec": [1.0]}))
    with pytest.raises(ValueError, match=r"dec must be within -90 and 90 .* row 1: 95"):
        error_regions(Table({"ra": [np.nan, 1.0], "dec": [99.0, 95.0]}))
    with pytest.raises(ValueError, match="level must be above 0 and below 1"):
        error_regions(sources, level=95)
