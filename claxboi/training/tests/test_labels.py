# Licensed under a 3-clause BSD style license - see LICENSE.rst
from datetime import datetime

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Column, MaskedColumn, QTable, Table

from claxboi.references import FetchError, UnknownTableError, get_reference, load_records
from claxboi.references.tests.loopback import LoopbackCDS
from claxboi.training import ClassRule, add_labels, class_schemes
from claxboi.training.label_catalogues import _simbad_kinds, parse_catalogues
from claxboi.training.schemes import GENERAL
from claxboi.training.tests.sky import CASES, EXPECTED, make_sky
from claxboi.utils import ClaxboiWarning

# The catalogues of these tests are smaller than the real ones, which the references notice.
pytestmark = pytest.mark.filterwarnings("ignore:.*rows came, but")

QUIET = {"min_quality": 0, "show_progress": False}


@pytest.fixture(scope="module")
def sky():
    xray, catalogues = make_sky()
    xray["galaxy_radius"] = np.nan
    xray["extent"] = 0.0
    return xray, catalogues


@pytest.fixture(scope="module")
def labelled(sky):
    xray, catalogues = sky
    with LoopbackCDS(catalogues) as cds:
        result = add_labels(xray, list(catalogues), **QUIET)
        requests = list(cds.requests)
    return result, requests


def classes(table):
    return list(table["class"].filled(""))


def object_at(ra, dec, **columns):
    return Table({"ra": np.atleast_1d(ra), "dec": np.atleast_1d(dec), **columns})


def xray_at(ra, dec, pos_error=1.0, **columns):
    table = object_at(ra, dec, **columns)
    table["pos_error"] = np.full(len(table), pos_error)
    return table


class TestSimulatedSky:
    def test_exactly_the_planted_classes_are_found(self, labelled):
        result, _ = labelled
        for case, name in zip(result["case"], classes(result), strict=True):
            assert name == EXPECTED.get(case, ""), case

    def test_exactly_the_planted_conflicts_are_listed(self, labelled):
        result, _ = labelled
        reasons = result["label_reason"].filled("")
        found = {case for case, r in zip(result["case"], reasons, strict=True) if "conflict" in r}
        assert found == {case for case in CASES if case.startswith("conflict")}
        by_case = dict(zip(result["case"], reasons, strict=True))
        assert by_case["conflict AGN star"] == "conflict: AGN (secrest) and star (ascc)"
        assert by_case["conflict XRB CV"] == "conflict: gal_XRB (liu2006) and CV (downes)"
        assert by_case["conflict with SIMBAD"] == "conflict: AGN (simbad) and star (ascc)"
        assert by_case["SIMBAD alone"] == "SIMBAD alone"
        assert by_case["SIMBAD candidate alone"] == by_case["no object"] == ""

    def test_bits_say_which_catalogue(self, labelled):
        result, _ = labelled
        bits = result.meta["claxboi"]["labels"]["bits"]
        by_case = dict(zip(result["case"], result["label_AGN"], strict=True))
        secrest, veron = 1 << bits["AGN"]["secrest"], 1 << bits["AGN"]["veron"]
        assert by_case["two AGN catalogues"] == secrest | veron
        assert by_case["AGN, SIMBAD agrees"] == veron | 1024
        assert f"{veron} veron" in result["label_AGN"].description
        assert "1024 simbad" in result["label_star"].description

    def test_simbad_disagrees_only_if_asked_to(self, sky):
        xray, catalogues = sky
        with LoopbackCDS(catalogues):
            result = add_labels(xray, list(catalogues), simbad_disagrees=False, **QUIET)
        by_case = dict(zip(result["case"], classes(result), strict=True))
        assert by_case["conflict with SIMBAD"] == "star"
        assert by_case["conflict AGN star"] == ""

    def test_small_catalogues_are_fetched_whole_and_once(self, labelled):
        _, requests = labelled
        assert load_records()["downes"].whole
        asked = [r.kind for r in requests if r.table == load_records()["downes"].table]
        assert "match" not in asked
        assert asked

    def test_meta_says_what_was_asked_and_when(self, labelled):
        settings = labelled[0].meta["claxboi"]["labels"]
        assert settings["scheme"] == "7 classes"
        assert settings["n_sigma"] == 3
        assert settings["catalogues"]["downes"]["table"] == "V/123A/cv"
        assert settings["catalogues"]["secrest"]["service"] == "xmatch"
        assert "2015ApJS..221...12S" in settings["catalogues"]["secrest"]["cite"]
        assert datetime.fromisoformat(settings["catalogues"]["downes"]["date"]).year >= 2024

    def test_input_is_not_changed(self, sky, labelled):
        assert sky[0].colnames[-3:] == ["case", "galaxy_radius", "extent"]
        assert "claxboi" not in sky[0].meta


def slow_nearest(xray, catalogue, n_sigma, slack, radius):
    """The rule of one catalogue, source by source."""
    stars = SkyCoord(catalogue["ra"], catalogue["dec"], unit="deg")
    result = []
    for row in xray:
        own = SkyCoord(row["ra"], row["dec"], unit="deg").separation(stars).arcsec.min()
        result.append(own <= radius and own < n_sigma * row["pos_error"] + slack)
    return np.array(result)


def test_agrees_with_the_rule_source_by_source():
    rng = np.random.default_rng(8)
    n = 300
    at = SkyCoord(rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n))), unit="deg")
    xray = xray_at(at.ra.deg, at.dec.deg)
    xray["pos_error"] = rng.uniform(0.1, 2, n)
    tables = {}
    for kind in ("AGN", "XRB"):
        moved = at.directional_offset_by(
            rng.uniform(0, 360, n) * u.deg, rng.uniform(0, 6, n) * u.arcsec
        )
        tables[kind] = object_at(moved.ra.deg, moved.dec.deg)
    scheme = {"AGN": "AGN", "XRB": "XRB"}
    result = add_labels(xray, tables, scheme, n_sigma=2, radius=4 * u.arcsec, **QUIET)
    slack = {"AGN": 0.1, "XRB": 1.0}
    expected = {k: slow_nearest(xray, t, 2, slack[k], 4) for k, t in tables.items()}
    for kind in tables:
        assert np.array_equal(result[f"label_{kind}"], expected[kind].astype(int))
    both = expected["AGN"] & expected["XRB"]
    names = np.where(expected["AGN"], "AGN", np.where(expected["XRB"], "XRB", ""))
    names[both] = ""
    assert classes(result) == list(names)
    assert 20 < both.sum() < n - 20


# catalogues (of AGN, star, XRB, CV), galaxy_radius, extent, quality -> class, reason
SEVEN = [
    ("A", None, 0, 2, "AGN", ""),
    ("S", None, 0, 2, "star", ""),
    ("X", None, 0, 2, "gal_XRB", ""),
    ("C", None, 0, 2, "CV", ""),
    ("A", 1.49, 0, 2, "AGN_2", ""),
    ("A", 1.5, 0, 2, "AGN", ""),
    ("A", 0.0, 0, 2, "AGN_2", ""),
    ("X", 0.3, 0, 2, "ex_XRB", ""),
    ("X", 3.0, 0, 2, "gal_XRB", ""),
    ("S", 0.3, 0, 2, "star", ""),
    ("C", 0.3, 0, 2, "CV", ""),
    ("A", None, 6, 2, "extended", ""),
    ("", None, 6, 2, "extended", ""),
    ("AS", 0.3, 6, 2, "extended", ""),
    ("AS", None, 0, 2, "", "conflict: AGN (AGN_1) and star (star_1)"),
    ("AX", 0.3, 0, 2, "", "conflict: AGN_2 (AGN_1) and ex_XRB (XRB_1)"),
    ("XC", None, 0, 4, "", "conflict: gal_XRB (XRB_1) and CV (CV_1)"),
    ("A", None, 0, 1, "", "quality 1, below 2"),
    ("AS", None, 0, 0, "", "conflict: AGN (AGN_1) and star (star_1)"),
    ("", None, 6, 0, "", "quality 0, below 2"),
    ("", None, 0, 4, "", ""),
    ("", 0.3, 0, 4, "", ""),
]


class TestSevenClasses:
    def make(self):
        n = len(SEVEN)
        said, radius, extent, quality, *_ = zip(*SEVEN, strict=True)
        quality = np.array(quality)
        table = xray_at(np.arange(n) * 1.0, np.full(n, 20.0))
        table["galaxy_radius"] = MaskedColumn(
            [r or 0.0 for r in radius], mask=[r is None for r in radius]
        )
        table["extent"] = Column(np.array(extent) / 60, unit="arcmin")
        # One point each: a value, a value, above 0, above 10.
        table["log_fx_fr"] = np.where(quality >= 1, -1.0, np.nan)
        table["log_fx_fw1"] = MaskedColumn(np.full(n, 0.5), mask=quality < 2)
        table["log_fmax_fmin"] = np.where(quality >= 3, 0.2, 0.0)
        table["snr"] = np.where(quality >= 4, 11.0, 10.0)
        letters = {"A": "AGN", "S": "star", "X": "XRB", "C": "CV"}
        tables = {}
        for letter, kind in letters.items():
            rows = np.array([letter in s for s in said])
            tables[kind] = object_at(table["ra"][rows], table["dec"][rows])
        return table, tables

    def test_each_case(self):
        table, tables = self.make()
        result = add_labels(table, tables)
        expected = [case[4] for case in SEVEN]
        assert classes(result) == expected
        assert list(result["label_reason"].filled("")) == [case[5] for case in SEVEN]

    def test_units_of_a_qtable_make_no_difference(self):
        table, tables = self.make()
        same = QTable(table)
        same["ra"] = (table["ra"] * u.deg).to(u.rad)
        same["pos_error"] = np.full(len(table), 1 / 3600) * u.deg
        result = add_labels(same, tables)
        assert isinstance(result, QTable)
        assert classes(result) == [case[4] for case in SEVEN]

    def test_limits_are_arguments(self):
        table, tables = self.make()
        result = add_labels(table, tables, host_radius=0.2, min_quality=0)
        assert classes(result)[4] == "AGN"
        assert classes(result)[17] == "AGN"
        result = add_labels(table, tables, min_extent=7 * u.arcsec, min_snr=20)
        assert classes(result)[12] == ""

    def test_every_label_but_the_extended_needs_a_catalogue(self):
        table, tables = self.make()
        result = add_labels(table, tables)
        bits = [np.asarray(result[c]) for c in result.colnames if c.startswith("label_")][:-1]
        none = np.sum(bits, axis=0) == 0
        assert set(np.array(classes(result))[none]) == {""}


class TestSchemes:
    def test_published_ones(self):
        names = {name: [rule.name for rule in rules] for name, rules in class_schemes().items()}
        assert names["4 classes"] == ["AGN", "star", "XRB", "CV"]
        assert names["nearby galaxies"] == ["AGN", "soft", "XRB"]
        assert len(names["7 classes"]) == 7

    def test_four_classes_need_neither_host_nor_extent(self):
        xray = xray_at([1.0, 2.0], [3.0, 3.0])
        result = add_labels(xray, {"XRB": object_at(1.0, 3.0)}, "4 classes", **QUIET)
        assert classes(result) == ["XRB", ""]

    def test_nearby_galaxies_label_only_what_lies_inside(self):
        xray = xray_at([1.0, 2.0], [3.0, 3.0], galaxy_radius=[0.5, np.nan])
        stars = {"star": object_at([1.0, 2.0], [3.0, 3.0])}
        result = add_labels(xray, stars, "nearby galaxies", **QUIET)
        assert classes(result) == ["soft", ""]

    def test_own_scheme(self):
        xray = xray_at([1.0, 2.0], [3.0, 3.0], galaxy_radius=[0.5, np.nan])
        scheme = {
            "compact": ["XRB", "CV"],
            "burst": {"kinds": ["FRB"], "host": True},
            "other": ClassRule("other", ("dwarf",)),
        }
        own = {"CV": object_at(2.0, 3.0), "FRB": object_at(1.0, 3.0), "dwarf": object_at(9.0, 3.0)}
        result = add_labels(xray, own, scheme, **QUIET)
        assert classes(result) == ["burst", "compact"]

    @pytest.mark.parametrize(
        ("scheme", "message"),
        [
            ("8 classes", "scheme must be one of '7 classes'"),
            ({}, "at least one class"),
            ({"a": []}, "either kinds of catalogues or extent"),
            ({"a": {"kinds": ["x"], "extent": True}}, "either kinds of catalogues or extent"),
            ({"a": {"kind": ["x"]}}, "no other keys than kinds, host, extent, got 'kind'"),
            ({"a": "x", "A": "y"}, "differ in more than case"),
        ],
    )
    def test_wrong_ones(self, scheme, message):
        with pytest.raises(ValueError, match=message):
            add_labels(xray_at(1.0, 2.0), scheme=scheme, **QUIET)

    def test_wrong_type(self):
        with pytest.raises(TypeError, match="scheme must be the name"):
            add_labels(xray_at(1.0, 2.0), scheme=7, **QUIET)


class TestCatalogues:
    def test_the_published_sixteen(self):
        found = parse_catalogues(None)
        assert len(found) == 16
        assert sum(GENERAL.get(c.kind, c.kind) == "XRB" for c in found) == 10
        assert found[-1].reference.name == "simbad"
        assert found[-1].is_supporting

    def test_newer_ones_stand_beside_them(self):
        names = {c.reference.name for c in parse_catalogues("all")}
        assert names - {c.reference.name for c in parse_catalogues("published")} == {
            "milliquas",
            "avakyan",
            "neumann",
            "fortin_hmxb",
            "fortin_lmxb",
            "walton_ulx",
            "bernadich_ulx",
            "erass1_cv",
            "kyso",
            "spicy",
            "atnf",
            "sdss",
            "desi",
            "lamost",
            "vsx",
        }

    def test_no_candidate_of_simbad_counts(self):
        kinds = _simbad_kinds()
        assert not [name for name in kinds if "?" in name or "andidate" in name]
        found = {GENERAL.get(kind, kind) for kind in kinds.values()}
        assert found == {"AGN", "star", "XRB", "CV", "SNR", "NS"}

    def test_simbad_keeps_its_bit_to_itself(self):
        own = {"AGN": [object_at(10.0, 5.0) for _ in range(13)], "any": "simbad"}
        with LoopbackCDS({"simbad": object_at(10.0, 5.0, otype=["QSO"])}):
            result = add_labels(xray_at(10.0, 5.0), own, {"AGN": "AGN"}, **QUIET)
        assert list(result.meta["claxboi"]["labels"]["bits"]["AGN"].values()) == [
            *range(10),
            11,
            12,
            13,
            10,
        ]
        assert result["label_AGN"][0] == 2**14 - 1

    def test_kinds_of_one_class_do_not_share_bits(self):
        own = {"XRB": object_at([1.0, 3.0], [3.0, 3.0]), "CV": object_at([2.0, 3.0], [3.0, 3.0])}
        xray = xray_at([1.0, 2.0, 3.0], [3.0, 3.0, 3.0])
        result = add_labels(xray, own, {"compact": ["XRB", "CV"]}, **QUIET)
        assert list(result["label_compact"]) == [1, 2, 3]
        assert classes(result) == ["compact"] * 3

    def test_types_that_do_not_count_are_dropped(self):
        # The nearest object is none: the next one counts.
        xray = xray_at([10.0, 20.0], [5.0, 5.0])
        downes = object_at([10.0, 20.0, 20.0], [5.0, 5.0, 5.0003], type=["non-CV", "non-CV", "DN"])
        with LoopbackCDS({"downes": downes}):
            result = add_labels(xray, ["downes"], "4 classes", **QUIET)
        assert classes(result) == ["", "CV"]

    @pytest.mark.parametrize(
        ("name", "type_", "subtype", "expected"),
        [
            ("sdss", "QSO", "BROADLINE", "AGN"),
            ("sdss", "QSO", "", "AGN"),
            ("sdss", "GALAXY", "AGN BROADLINE", "AGN"),
            ("sdss", "GALAXY", "BROADLINE", "AGN"),
            ("sdss", "GALAXY", "STARFORMING BROADLINE", ""),
            ("sdss", "GALAXY", "", ""),
            ("sdss", "STAR", "M4.5:III (212076)", "star"),
            ("sdss", "STAR", "CV", "CV"),
            ("sdss", "STAR", "WDhotter", ""),
            ("desi", "STAR", "WD", ""),
            ("desi", "QSO", "", "AGN"),
            ("lamost", "STAR", "dM3", "star"),
            ("lamost", "Unknown", "Non", ""),
            ("vsx", "UGSU+E", None, "CV"),
            ("vsx", "AM", None, "CV"),
            ("vsx", "UG:", None, ""),
            ("vsx", "UG|YSO", None, ""),
            ("vsx", "NSIN", None, ""),
            ("vsx", "LMXB/BHXB", None, "XRB"),
            ("vsx", "TTS/ROT", None, "star"),
            ("vsx", "RRAB", None, ""),
        ],
    )
    def test_kind_by_the_type_of_the_object(self, name, type_, subtype, expected):
        columns = {"type": [type_]} if subtype is None else {"type": [type_], "subtype": [subtype]}
        if "z_warning" in load_records()[name].columns:
            columns["z_warning"] = [0]
        with LoopbackCDS({name: object_at(10.0, 5.0, **columns)}):
            result = add_labels(xray_at(10.0, 5.0), [name], "4 classes", **QUIET)
        assert classes(result) == [expected]

    def test_a_spectrum_with_a_warning_does_not_count(self):
        sdss = object_at([10.0, 20.0], [5.0, 5.0], type=["QSO", "QSO"], z_warning=[0, 4])
        with LoopbackCDS({"sdss": sdss}):
            result = add_labels(xray_at([10.0, 20.0], [5.0, 5.0]), ["sdss"], "4 classes", **QUIET)
        assert classes(result) == ["AGN", ""]
        assert result["label_CV"].description.endswith("1 sdss")

    def test_one_kind_of_a_catalogue_with_several(self):
        vsx = object_at([10.0, 20.0, 30.0], [5.0] * 3, type=["UGSS", "LMXB", "YSO"])
        xray = xray_at([10.0, 20.0, 30.0], [5.0] * 3)
        with LoopbackCDS({"vsx": vsx}):
            result = add_labels(xray, {"XRB": "vsx"}, "4 classes", **QUIET)
            assert classes(result) == ["", "XRB", ""]
        with pytest.raises(ValueError, match=r"vsx has objects of the kinds CV.*none of the kind"):
            add_labels(xray, {"AGN": "vsx"}, "4 classes", **QUIET)

    def test_wrong_position_is_mended(self):
        xray = xray_at([215.30059, 216.0], [-62.69900, -62.0])
        liu = object_at(216.0, -62.0, id=["2S 1417-624"])
        with LoopbackCDS({"liu2006": liu}):
            result = add_labels(xray, ["liu2006"], "4 classes", **QUIET)
        assert classes(result) == ["XRB", ""]

    @pytest.mark.parametrize("otype", ["Sy1", "Seyfert1", "Seyfert_1"])
    def test_simbad_by_code_and_by_both_languages(self, otype):
        xray = xray_at(10.0, 5.0)
        simbad = object_at(10.0, 5.0, otype=[otype])
        with LoopbackCDS({"simbad": simbad}):
            result = add_labels(xray, ["simbad"], "4 classes", **QUIET)
        assert result["label_AGN"][0] == 1024

    def test_simbad_itself_is_asked_where_xmatch_has_no_types(self):
        xray = xray_at(10.0, 5.0)
        cds = LoopbackCDS({"simbad": object_at(10.0, 5.0, otype=["QSO"])})
        del cds.tables["simbad"].columns["xmatch"]["otype"]
        with cds:
            result = add_labels(xray, ["simbad"], "4 classes", **QUIET)
        assert result["label_AGN"][0] == 1024
        settings = result.meta["claxboi"]["labels"]["catalogues"]
        assert settings["simbad"]["service"] == "simbad"

    def test_a_failed_answer_is_no_reason_to_do_without(self):
        with LoopbackCDS({"secrest": object_at(10.0, 5.0)}, retries=1) as cds:
            cds.fail(*["cut"] * 20)
            with pytest.raises(FetchError, match="table1"):
                add_labels(xray_at(10.0, 5.0), scheme={"AGN": "AGN"}, **QUIET)

    def test_a_table_that_is_known_must_be_there(self):
        # Only its columns were never seen.
        with (
            LoopbackCDS({"secrest": object_at(10.0, 5.0)}),
            pytest.raises(UnknownTableError, match="VII/258/vv10"),
        ):
            add_labels(xray_at(10.0, 5.0), scheme={"AGN": "AGN"}, **QUIET)

    def test_columns_that_were_never_seen_may_be_others(self):
        tables = {name: object_at(50.0, 5.0) for name in ("secrest", "veron")}
        tables["veron"]["type"] = "Q"
        tables["simbad"] = object_at(50.0, 5.0, otype=["QSO"])
        cds = LoopbackCDS(tables)
        columns = cds.tables[load_records()["secrest"].table].columns["xmatch"]
        columns["RA2000"] = columns.pop("_RAJ2000")
        with cds, pytest.warns(ClaxboiWarning, match=r"Secrest .* is left out"):
            result = add_labels(xray_at(50.0, 5.0), scheme={"AGN": "AGN"}, **QUIET)
        assert classes(result) == ["AGN"]

    def test_nearest_object_of_simbad_decides(self):
        xray = xray_at(10.0, 5.0)
        simbad = object_at([10.0, 10.0, 10.0], [5.0, 5.0001, 5.0002], otype=["X", "CV*", "QSO"])
        with LoopbackCDS({"simbad": simbad}):
            result = add_labels(xray, ["simbad"], "4 classes", **QUIET)
        assert result["label_CV"][0] == 1024
        assert result["label_AGN"][0] == 0

    def test_catalogues_of_other_kinds_are_not_asked(self):
        with LoopbackCDS({"secrest": object_at(10.0, 5.0)}) as cds:
            add_labels(xray_at(10.0, 5.0), ["secrest", "downes"], {"AGN": "AGN"}, **QUIET)
            assert {r.table for r in cds.requests if r.kind != "list"} == {
                load_records()["secrest"].table
            }

    def test_unconfirmed_one_of_a_set_is_left_out_with_a_warning(self):
        tables = {
            name: object_at(10.0, 5.0, **({"type": ["Q"]} if name == "veron" else {}))
            for name, record in load_records().items()
            if record.kind == "labels" and name not in ("watchdog", "simbad")
        }
        tables["simbad"] = object_at(100.0, 5.0, otype=["QSO"])
        scheme = {"AGN": "AGN", "XRB": "XRB"}
        with (
            LoopbackCDS(tables),
            pytest.warns(ClaxboiWarning, match=r"Watchdog.* is left out"),
        ):
            result = add_labels(xray_at(10.0, 5.0), scheme=scheme, **QUIET)
        assert set(result.meta["claxboi"]["labels"]["left_out"]) == {"watchdog"}
        assert "watchdog" not in result["label_XRB"].description
        # The bits of the others are those that they always have.
        assert "512 blackcat" in result["label_XRB"].description

    def test_one_that_was_named_must_be_there(self):
        with LoopbackCDS({}), pytest.raises(UnknownTableError):
            add_labels(xray_at(10.0, 5.0), ["watchdog"], "4 classes", **QUIET)

    def test_own_table_needs_its_kind(self):
        for own in (object_at(1.0, 2.0), get_reference(object_at(1.0, 2.0))):
            with pytest.raises(ValueError, match="must give the kind of the objects in table"):
                add_labels(xray_at(1.0, 2.0), [own], **QUIET)

    def test_twice_the_same(self):
        with pytest.raises(ValueError, match="each catalogue once, got veron twice"):
            add_labels(xray_at(1.0, 2.0), ["veron", "veron"], **QUIET)

    def test_none(self):
        with pytest.raises(ValueError, match="at least one catalogue"):
            add_labels(xray_at(1.0, 2.0), [], **QUIET)


class TestInputs:
    def call(self, xray, **kwargs):
        return add_labels(xray, {"AGN": object_at(10.0, 5.0)}, "4 classes", **(QUIET | kwargs))

    def test_empty_table(self):
        result = self.call(xray_at([], []))
        assert len(result) == 0
        assert {"class", "label_AGN", "label_reason"} <= set(result.colnames)

    def test_missing_error_matches_nothing(self):
        xray = xray_at([10.0, 10.0], [5.0, 5.0])
        xray["pos_error"] = MaskedColumn([1.0, 1.0], mask=[False, True])
        assert classes(self.call(xray)) == ["AGN", ""]

    def test_across_ra_0_and_at_the_pole(self):
        xray = xray_at([0.0, 10.0], [0.0, 90.0])
        own = {"AGN": object_at([359.9999, 190.0], [0.0, 89.9999])}
        assert classes(add_labels(xray, own, "4 classes", **QUIET)) == ["AGN", "AGN"]

    def test_equal_separation_to_the_limit_is_outside(self):
        xray = xray_at(10.0, 5.0, pos_error=0.0)
        assert classes(self.call(xray, slack=0 * u.arcsec)) == [""]
        assert classes(self.call(xray)) == ["AGN"]

    def test_slack_by_kind(self):
        xray = xray_at(10.0, 5.0003, pos_error=0.1)
        assert classes(self.call(xray)) == [""]
        assert classes(self.call(xray, slack={"AGN": 1 * u.arcsec})) == ["AGN"]
        assert classes(self.call(xray, slack=1 * u.arcsec)) == ["AGN"]

    def test_order_of_rows_does_not_matter(self, sky, labelled):
        xray, catalogues = sky
        order = np.random.default_rng(1).permutation(len(xray))
        with LoopbackCDS(catalogues):
            other = add_labels(xray[order], list(catalogues), **QUIET)
        assert classes(other) == list(np.array(classes(labelled[0]))[order])

    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            ({"radius": 3}, TypeError, "radius must be a Quantity"),
            ({"n_sigma": -1}, ValueError, "n_sigma must be at least 0"),
            ({"slack": {"AGN": 1}}, TypeError, "slack of AGN must be a Quantity"),
            ({"min_quality": 1.5}, TypeError, "min_quality must be an integer"),
            ({"min_quality": 2}, KeyError, "min_quality=2 needs at least as many of the columns"),
            ({"host_radius": np.nan}, ValueError, "host_radius must be"),
        ],
    )
    def test_bad_arguments(self, change, error, message):
        with pytest.raises(error, match=message):
            self.call(xray_at(10.0, 5.0), **change)

    def test_missing_columns(self):
        with pytest.raises(KeyError, match="no column 'pos_error'"):
            self.call(object_at(1.0, 2.0))
        with pytest.raises(KeyError, match=r"galaxy_radius.*find_hosts"):
            add_labels(xray_at(1.0, 2.0), **QUIET)
        with pytest.raises(KeyError, match="extent"):
            add_labels(xray_at(1.0, 2.0, galaxy_radius=[1.0]), **QUIET)

    def test_missing_position(self):
        with pytest.raises(ValueError, match="no missing positions, got 1, the first in row 1"):
            self.call(xray_at([1.0, np.nan], [2.0, 2.0]))

    def test_extended_by_the_flag_of_the_mission(self):
        xray = xray_at([1.0, 2.0], [3.0, 3.0], is_extended=[False, True])
        scheme = {"AGN": "AGN", "extended": {"extent": True}}
        own = {"AGN": object_at([1.0, 2.0], [3.0, 3.0])}
        assert classes(add_labels(xray, own, scheme, **QUIET)) == ["AGN", "extended"]

    def test_hosts_looked_for_too_near(self):
        xray = xray_at(10.0, 5.0, galaxy_radius=[1.0], extent=[0.0])
        xray.meta["claxboi"] = {"hosts": {"factor": 1.26}}
        with pytest.warns(ClaxboiWarning, match="pass factor=1.5 to find_hosts"):
            add_labels(xray, {"AGN": object_at(10.0, 5.0)}, **QUIET)

    def test_columns_that_are_there_are_not_replaced_unasked(self):
        labelled = self.call(xray_at(10.0, 5.0))
        with pytest.raises(ValueError, match="overwrite=True"):
            self.call(labelled)
        assert classes(self.call(labelled, overwrite=True)) == ["AGN"]
