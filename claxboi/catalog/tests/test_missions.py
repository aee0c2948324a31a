# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
import re

import pytest

from claxboi.catalog import Mission, describe, missions
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
        for rule in ("source_id", "ra", "dec", "pos_error", "flux", "hr1", "is_suspect"):
            assert rule in mission.columns
        assert re.fullmatch(r"[\d.]+-[\d.]+", mission.flux_band)
        assert mission.hardness in ("count rates", "photon fluxes", "energy fluxes")

    def test_each_number_has_its_band(self, mission):
        fluxes = {name for name in mission.columns if re.fullmatch(r"flux\d", name)}
        ratios = {name for name in mission.columns if re.fullmatch(r"hr\d", name)}
        assert fluxes == {f"flux{k}" for k in range(1, len(mission.bands) + 1)}
        assert ratios == {f"hr{k}" for k in range(1, len(mission.hardness_bands) + 1)}
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
    assert parse_mission("3XMM").name == "4XMM"
    assert parse_mission("CSC2.0").name == "CSC2"
    assert parse_mission(missions()["eRASS1"]).name == "eRASS1"
    with pytest.raises(ValueError, match=r"mission must be one of '4XMM', .*got 'ROSAT'"):
        parse_mission("ROSAT")
    with pytest.raises(ValueError, match="mission must be one of"):
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
