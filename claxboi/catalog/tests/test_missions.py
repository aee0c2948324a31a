# Licensed under a 3-clause BSD style license - see LICENSE.rst
import re

import pytest
from astropy.table import Table

from claxboi.catalog import Mission, describe, missions, standardize
from claxboi.catalog.missions import parse_mission
from claxboi.counterparts import radius_from_sigma
from claxboi.references import load_records


def vizier_names(mission):
    return {name for rule in mission.columns.values() for name in rule.names.get("vizier", ())}


@pytest.mark.parametrize("mission", missions().values(), ids=lambda mission: mission.name)
class TestRecords:
    def test_columns_are_of_the_vocabulary(self, mission):
        for name in mission.columns:
            assert describe(name) is not None

    def test_has_what_a_source_needs(self, mission):
        assert {"ra", "dec"} <= set(mission.columns)
        # Sources of two telescopes have no identifier of their own: it is made from the position.
        assert "source_id" in mission.columns or mission.name == "Stripe 82X"
        assert "columns" in mission.documents
        assert {"pos_error", "flux"} & set(mission.columns)
        for band in (mission.flux_band, *mission.bands):
            assert re.fullmatch(r"[\d.]+-[\d.]+|", band)
        assert mission.hardness in ("count rates", "photon fluxes", "energy fluxes", "")
        # A level that is not in a document is marked.
        if "pos_error" in mission.columns:
            assert {"pos_error"} & set(
                mission.documents
            ) or "pos_error_level" in mission.unconfirmed

    def test_documents_are_of_columns(self, mission):
        assert set(mission.documents) <= {"columns", "bands", *mission.columns}

    def test_each_number_has_its_band(self, mission):
        fluxes = {name for name in mission.columns if re.fullmatch(r"flux\d", name)}
        ratios = {name for name in mission.columns if re.fullmatch(r"hr\d", name)}
        assert fluxes == {f"flux{k}" for k in range(1, len(mission.bands) + 1)}
        assert ratios == {f"hr{k}" for k in range(1, len(mission.hardness_bands) + 1)}
        assert bool(ratios) == bool(mission.hardness_bands)
        for pair in mission.hardness_bands:
            soft, hard = (float(band.split("-")[0]) for band in pair)
            assert soft < hard

    def test_unconfirmed_names_something(self, mission):
        for mark in mission.unconfirmed:
            *_, last = mark.split(".")
            known = {*Mission.__dataclass_fields__, *mission.columns}
            assert last in known, mark

    def test_agrees_with_the_record_of_the_service(self, mission):
        if mission.reference is None:
            return
        record = load_records()[mission.reference]
        service = {column.names["vizier"] for column in record.columns_on("vizier").values()}
        # What can be fetched and no preset reads: other time scales, and lower and upper errors.
        unread = {
            "4xmm": set(),
            "2sxps": {"FField", "PCR0", "Pcst0"},
            "csc2": {"VaGLI", "Vi", "ViI"},
            "erass1": {"e_MLFlux1", "E_MLFlux1"},
        }[mission.reference]
        assert unread <= service
        assert service - unread <= vizier_names(mission)
        if record.error_level is None:
            assert mission.pos_error_level is None
        else:
            assert mission.pos_error_level == pytest.approx(record.error_level, abs=1e-3)


def test_levels_are_the_published_radii():
    radius = {
        name: radius_from_sigma(1.0, mission.pos_error_level)
        for name, mission in missions().items()
        if mission.pos_error_level is not None
    }
    assert radius["4XMM"] == pytest.approx(2**0.5, abs=1e-9)
    assert radius["2SXPS"] == pytest.approx(2.1460, abs=5e-5)
    assert radius["CSC2"] == pytest.approx(2.4477, abs=5e-5)
    assert "eRASS1" not in radius


SIGMA_63 = 2**-0.5

#: A row of each file: mission, columns, and what comes of them. Numbers are made up.
ROWS = [
    (
        "4XMM",
        {"DETID": 1, "RA": 10.0, "DEC": 1.0, "POSERR": 1.0, "EP_8_FLUX": 1e-14, "SUM_FLAG": 3},
        {"pos_error": SIGMA_63, "flux": 1e-14, "flux_band": "0.2-12", "is_suspect": True},
    ),
    (
        "4XMM",
        {
            "IAUNAME": "4XMM J1",
            "SC_RA": 10.0,
            "SC_DEC": 1.0,
            "SC_POSERR": 1.0,
            "SC_EP_8_FLUX": 1e-14,
        },
        {"source_id": "4XMM J1", "pos_error": SIGMA_63, "flux": 1e-14},
    ),
    (
        "5XMM",
        {"SRCID": 3, "RA": 10.0, "DEC": 1.0, "RADEC_ERR": 1.0, "EP_FLUX": 1e-14, "EP_HR1": 0.5},
        {"pos_error": SIGMA_63, "flux": 1e-14, "hr1": 0.5},
    ),
    (
        "2SXPS",
        {"2SXPS_ID": 1, "RA": 10.0, "Decl": 1.0, "Err90": 2.1460, "FixedPowFlux": 1e-13},
        {"pos_error": 1.0, "flux": 1e-13, "flux_band": "0.3-10"},
    ),
    (
        "LSXPS",
        {"LSXPS_ID": 1, "RA": 10.0, "Decl": 1.0, "Err90": 2.1460, "FixedPowFlux": 1e-13},
        {"pos_error": 1.0, "flux": 1e-13},
    ),
    (
        "CSC2",
        {
            "name": "2CXO J1",
            "ra": 10.0,
            "dec": 1.0,
            "err_ellipse_r0": 2.4477,
            "err_ellipse_r1": 2.4477,
            "err_ellipse_ang": 30.0,
            "flux_aper_b": 1e-14,
            "flux_aper_lolim_b": 9e-15,
            "flux_aper_hilim_b": 1.1e-14,
        },
        {"pos_error": 1.0, "pos_error_major": 1.0, "flux": 1e-14, "flux_error": 1e-15},
    ),
    (
        # A cone search has a circle.
        "CSC2",
        {"name": "2CXO J1", "ra": 10.0, "dec": 1.0, "err_ellipse_r0": 2.4477},
        {"source_id": "2CXO J1", "pos_error": 1.0},
    ),
    (
        "eRASS1",
        {"IAUNAME": "1eRASS J1", "RA": 10.0, "DEC": 1.0, "POS_ERR": 3.0, "ML_FLUX_1": 1e-13},
        {"pos_error": 3.0, "flux": 1e-13, "flux_band": "0.2-2.3"},
    ),
    (
        "eRASS1 Hard",
        {
            "IAUNAME": "1eRASS J1",
            "RA": 10.0,
            "DEC": 1.0,
            "POS_ERR": 3.0,
            "DET_LIKE_3": 15.0,
            "ML_FLUX_1": 1e-14,
            "ML_FLUX_2": 3e-14,
            "ML_FLUX_3": 4e-13,
        },
        {"pos_error": 3.0, "flux": 4e-13, "flux_band": "2.3-5", "flux1": 1e-14, "hr1": 0.5},
    ),
    (
        "eFEDS",
        {
            "Name": "eFEDS J1",
            "RA": 9.9,
            "DEC": 0.9,
            "RADEC_ERR": 1.0,
            "RA_CORR": 10.0,
            "DEC_CORR": 1.0,
            "RADEC_ERR_CORR": 2.0,
            "ML_FLUX": 1e-14,
            "EXT": 0.0,
            "DET_LIKE": 20.0,
        },
        {"ra": 10.0, "pos_error": 2 * SIGMA_63, "flux": 1e-14, "flux_band": "0.2-2.3"},
    ),
    (
        "eFEDS",
        {"Name": "eFEDS J1", "RA_CORR": 10.0, "DEC_CORR": 1.0, "RADEC_ERR_CORR": 2.0, "EXT": 30.0},
        {"ra": 10.0, "pos_error": 2 * SIGMA_63, "extent": 30.0},
    ),
    (
        "eFEDS",
        {"ERO_Name": "eFEDS J1", "ERO_RA_CORR": 10.0, "ERO_Dec_CORR": 1.0, "ERO_ML_FLUX": 1e-14},
        {"ra": 10.0, "flux": 1e-14},
    ),
    (
        "eFEDS hard",
        {
            "ERO_NAME": "eFEDS J1",
            "ERO_RA_CORR": 10.0,
            "ERO_Dec_CORR": 1.0,
            "ERO_RADEC_ERROR_CORR": 2.0,
            "ERO_ML_FLUX_3": 1e-13,
            "ERO_ML_FLUX_ERR_3": 1e-14,
        },
        {"pos_error": 2 * SIGMA_63, "flux": 1e-13, "flux_error": 1e-14, "flux_band": "2.3-5"},
    ),
    (
        "eFEDS hard",
        {"Name": "a", "RA_CORR": 10.0, "DEC_CORR": 1.0, "RADEC_ERR_CORR": 2.0, "ML_FLUX_3": 1e-13},
        {"pos_error": 2 * SIGMA_63, "flux": 1e-13, "flux_band": "2.3-5"},
    ),
    (
        "XMMSL2",
        {
            "UNIQUE_SRCNAME": "XMMSL2 J1",
            "RA": 10.0,
            "DEC": 1.0,
            "RADEC_ERR": 4.0,
            "FLUX_B8": 4e-12,
            "FLUX_B6": 1e-12,
            "FLUX_B7": 3e-12,
        },
        {"pos_error": 4 * SIGMA_63, "flux": 4e-12, "flux1": 1e-12, "hr1": 0.5},
    ),
    (
        "SAS emldetect",
        {
            "ML_ID_SRC": 7,
            "RA": 10.0,
            "DEC": 1.0,
            "RADEC_ERR": 1.0,
            "FLUX": 1e-14,
            "DET_ML": 12.0,
            "EXT": 1.5,
        },
        {"source_id": "7", "pos_error": SIGMA_63, "flux": 1e-14, "detection_likelihood": 12.0},
    ),
    (
        "CIAO wavdetect",
        {
            "RA": 10.0,
            "DEC": 1.0,
            "RA_ERR": 1e-4,
            "DEC_ERR": 1e-4,
            "NET_COUNTS": 30.0,
            "SRC_SIGNIFICANCE": 8.0,
            "COMPONENT": 4,
        },
        {"source_id": "4", "pos_error": 0.36, "snr": 8.0},
    ),
    (
        "CIAO wavdetect",
        {"RA": 10.0, "DEC": 1.0, "RA_ERR": 1e-4, "DEC_ERR": 1e-4, "NET_COUNTS": 30.0, "SNR": 8.0},
        {"pos_error": 0.36, "snr": 8.0},
    ),
    (
        "COSMOS-Legacy",
        {
            "id_x": "cid_1",
            "ra": 10.0,
            "dec": 1.0,
            "ra_i": 10.1,
            "dec_i": 1.1,
            "flux_F": 3e-15,
            "flux_S": 1e-15,
            "flux_H": 2e-15,
            "HR": -0.2,
        },
        {"source_id": "cid_1", "ra": 10.0, "flux": 3e-15, "flux2": 2e-15, "hr1": -0.2},
    ),
    (
        "C-COSMOS",
        {
            "name": "CXOC J1",
            "ra": 10.0,
            "dec": 1.0,
            "pos_err": 1e-4,
            "f_flux": 3e-15,
            "f_flux_err": 1e-15,
            "f_snr": 5.0,
        },
        {"source_id": "CXOC J1", "pos_error": 0.36, "flux": 3e-15, "snr": 5.0},
    ),
    (
        "1RXS",
        {
            "1RXS": "J000000.0+010000",
            "RAJ2000": 10.0,
            "DEJ2000": 1.0,
            "PosErr": 13.0,
            "Count": 0.1,
            "HR1": 0.4,
        },
        {"source_id": "J000000.0+010000", "ra": 10.0, "pos_error": 13.0, "hr1": 0.4},
    ),
    (
        "1RXS",
        {
            "name": "1RXS J000000.0+010000",
            "ra": 10.0,
            "dec": 1.0,
            "positional_error": 13.0,
            "screening_flag": "_____",
            "new_data_flag": "__._",
            "count_rate": 0.1,
        },
        {"source_id": "1RXS J000000.0+010000", "pos_error": 13.0},
    ),
    (
        "2RXS",
        {
            "_2RXS": "2RXS J000000.0+010000",
            "RAJ2000": 10.0,
            "DEJ2000": 1.0,
            "ExiML": 20.0,
            "CRate": 0.1,
            "Fluxp": 1e-12,
            "HR2": -0.2,
            "e_HR2": 0.1,
        },
        {"source_id": "2RXS J000000.0+010000", "flux": 1e-12, "flux_band": "0.1-2.4", "hr2": -0.2},
    ),
    (
        "2RXS",
        {"2RXS": "2RXS J1", "RAdeg": 10.0, "DEdeg": 1.0, "CRate": 0.1, "ExiML": 20.0},
        {"ra": 10.0, "detection_likelihood": 20.0},
    ),
    (
        "BAT 105",
        {
            "BAT_NAME": "SWIFT J0000.0+0100",
            "RA": 10.0,
            "DEC": 1.0,
            "SNR": 9.0,
            "CTPT_RA": 10.01,
            "CTPT_DEC": 1.01,
            "FLUX": 15.0,
            "FLUX_LO": 12.0,
            "FLUX_HI": 18.0,
            "GAMM": 1.9,
        },
        {"source_id": "SWIFT J0000.0+0100", "flux": 1.5e-11, "gamma": 1.9, "snr": 9.0},
    ),
    (
        "CDF-S 7 Ms",
        {
            "seq": 7,
            "RAJ2000": 53.1,
            "DEJ2000": -27.8,
            "FFB": 3e-16,
            "FSB": 1e-16,
            "FHB": 2e-16,
            "Lxc": 1e42,
        },
        {"source_id": "7", "ra": 53.1, "flux": 3e-16, "flux2": 2e-16},
    ),
    (
        "Stripe 82X",
        {
            "MSID": 0,
            "REC_NO": 12,
            "XRAY_SRC": "XMM_ao13",
            "XRAY_RA": 14.0,
            "XRAY_DEC": 0.1,
            "SOFT_FLUX": 1e-15,
            "HARD_FLUX": 2e-15,
            "FULL_FLUX": 3e-15,
            "FULL_FLUX_ERROR": 5e-16,
        },
        {"source_id": "J005600.0+000600", "flux": 3e-15, "flux_error": 5e-16, "flux1": 1e-15},
    ),
    (
        "NuSTAR serendipitous",
        {
            "name": "NuSTAR J1",
            "ra": 10.0,
            "dec": 1.0,
            "softxray_ctrpart_ra": 10.001,
            "softxray_ctrpart_dec": 1.001,
            "sb_flux": 2e-14,
            "hb_flux": 3e-14,
            "fb_flux": 5e-14,
            "fb_flux_error": 1e-14,
        },
        {"source_id": "NuSTAR J1", "ra": 10.0, "flux": 5e-14, "flux_error": 1e-14, "flux2": 3e-14},
    ),
]


@pytest.mark.parametrize(("name", "row", "expected"), ROWS)
@pytest.mark.parametrize("recognised", [True, False])
def test_a_row_of_each_file(name, row, expected, recognised):
    table = Table({column: [value] for column, value in row.items()})
    result = standardize(table, None if recognised else name)
    assert result.meta["claxboi"]["catalog"]["mission"] == name
    for column, value in expected.items():
        wanted = value if isinstance(value, str) else pytest.approx(value, rel=1e-4)
        assert result[column][0] == wanted, column


def test_all_missions_have_a_row():
    # Only their names tell these from another.
    same = {"CSC2.1", "4XMM stacked"}
    assert {name for name, *_ in ROWS} == set(missions()) - same


def test_facts():
    xmm = missions()["4XMM"]
    assert (xmm.start, xmm.end, xmm.area_deg2, xmm.psf_arcsec) == (2000, 2022, 1328, 6)
    assert xmm.density_deg2 == pytest.approx(656_997 / 1328)
    assert missions()["LSXPS"].density_deg2 is None
    new, old = missions()["CSC2.1"], missions()["CSC2"]
    assert new.columns == old.columns
    assert new.hardness_bands == old.hardness_bands
    assert new.n_sources > old.n_sources
    assert new.signature == old.signature


def test_parse():
    assert parse_mission("4xmm").name == "4XMM"
    for name in ("3XMM", "3XMM-DR8", "4XMM DR13", "4xmm_dr13"):
        assert parse_mission(name).name == "4XMM"
    assert parse_mission("4XMM-DR13s").name == "4XMM stacked"
    assert parse_mission("CSC 2.1").name == "CSC2.1"
    assert parse_mission("CSC2.0").name == "CSC2"
    assert parse_mission(missions()["eRASS1"]).name == "eRASS1"
    with pytest.raises(ValueError, match=r"mission must be one of '4XMM', .*got 'ROSAT'"):
        parse_mission("ROSAT")
    with pytest.raises(TypeError, match="mission must be text, got 4"):
        parse_mission(4)


class TestFromFile:
    def write(self, tmp_path, text):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return path

    def test_fields_and_name(self, tmp_path):
        path = self.write(
            tmp_path, 'flux_band = "0.5-2"\n[columns]\nra = "R"\ndec = "D"\nflux = "F"\n'
        )
        mission = Mission.from_file(path)
        assert (mission.name, mission.flux_band) == ("mine", "0.5-2")
        assert mission.columns["ra"].names == {"file": ("R",)}
        assert mission.pos_error_level is None

    def test_like_another(self, tmp_path):
        path = self.write(tmp_path, 'like = "4XMM"\nn_sources = 12\n[columns]\nflux = "F8"\n')
        mission = Mission.from_file(path)
        assert mission.hardness_bands == missions()["4XMM"].hardness_bands
        assert mission.columns["flux"].names == {"file": ("F8",)}
        assert mission.columns["ra"] == missions()["4XMM"].columns["ra"]
        assert mission.n_sources == 12

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("flux = [", "must be TOML"),
            ('flux_bnd = "0.5-2"\n[columns]\nra = "R"\ndec = "D"', "unknown fields 'flux_bnd'"),
            ('[columns]\nra = "R"\n', "columns must have ra and dec"),
            ('[columns]\nra = "R"\ndec = "D"\nfluxx = "F"', "'fluxx' is not in the vocabulary"),
            (
                '[columns]\nra = "R"\ndec = "D"\nflux = {from = "sum", file = "F"}',
                "rule of column flux must be one of",
            ),
            (
                '[columns]\nra = "R"\ndec = "D"\nflux_error = {from = "limits", file = "F"}',
                "must be made of 2 columns by rule 'limits'",
            ),
            (
                'pos_error_level = 95\n[columns]\nra = "R"\ndec = "D"',
                "pos_error_level must be above 0 and below 1",
            ),
            ('like = "ROSAT"\n[columns]\nra = "R"\ndec = "D"', "mission must be one of"),
        ],
    )
    def test_errors(self, tmp_path, text, message):
        path = self.write(tmp_path, text)
        with pytest.raises(ValueError, match=message) as err:
            Mission.from_file(path)
        assert "mine.toml" in str(err.value)

    def test_no_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="there is no file"):
            Mission.from_file(tmp_path / "none.toml")
