# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table
from numpy.testing import assert_allclose

from claxboi.classification import fit_classifier
from claxboi.references import UnknownTableError, load_records
from claxboi.references.tests.loopback import LoopbackCDS
from claxboi.training import build, label_report
from claxboi.training.mission_catalogues import (
    fetch_positions,
    fetch_sources,
    missions,
    parse_mission,
    service_names,
)
from claxboi.training.tests.mission_sky import LABELS, MPC, make_mission_sky

# The catalogues of these tests are smaller than the real ones, which the references notice.
pytestmark = pytest.mark.filterwarnings("ignore:.*rows came, but")

N_EACH = 25
REFERENCES = [*LABELS, "simbad"]
FETCH = {"cache": True, "max_age": None, "show_progress": False}


@pytest.fixture(scope="module")
def sky():
    return make_mission_sky(N_EACH)


@pytest.fixture(scope="module")
def built(sky, tmp_path_factory):
    folder = tmp_path_factory.mktemp("training")
    with LoopbackCDS(sky[0]) as cds:
        sample = build("4xmm", references=REFERENCES, folder=folder, show_progress=False, rng=1)
        requests = list(cds.requests)
    return sample, folder, requests


class TestSample:
    def test_exactly_the_planted_labels(self, sky, built):
        table = built[0].table
        truth = dict(zip(sky[1]["source_id"], sky[1]["true_class"], strict=True))
        assert {str(row["source_id"]): str(row["class"]) for row in table} == {
            str(k): str(v) for k, v in truth.items() if v
        }

    def test_hosts_beyond_500_mpc_are_none(self, built):
        table = built[0].table
        hosted = np.isin(table["class"], ["AGN_2", "ex_XRB"])
        assert_allclose(table["galaxy_distance"][hosted], MPC)
        assert table["galaxy_distance"].mask[table["class"] == "AGN"].all()

    def test_properties_by_hand(self, sky, built):
        tables, _ = sky
        table = built[0].table
        xray = tables["4xmm"]
        row = np.flatnonzero(table["class"] == "CV")[0]
        k = np.flatnonzero(xray["id"] == table["source_id"][row])[0]
        flux, rp = xray["flux"][k], tables["gaia"]["RPmag"][k]
        assert_allclose(table["pos_error"][row], xray["pos_error_63"][k] / np.sqrt(2), rtol=1e-4)
        assert_allclose(table["log_fx_fr"][row], np.log10(flux) + rp / 2.5 + 5.43)
        assert_allclose(table["log_fmax_fmin"][row], 2 * np.log10(1.5))
        assert_allclose(table["snr"][row], 15)
        assert table["opt_id"][row] == str(tables["gaia"]["id"][k])
        distance = tables["bailer_jones"]["rgeo"][k] * u.pc.to(u.cm)
        assert_allclose(table["log_lx"][row], np.log10(4 * np.pi * flux * distance**2))
        at = SkyCoord(xray["ra"][k], xray["dec"][k], unit="deg").galactic
        assert_allclose(table["b"][row], at.b.deg)
        assert table["flux_band"][row] == "0.2-12"

    def test_says_where_it_is_from(self, built):
        meta = built[0].table.meta["claxboi"]
        assert meta["training"]["mission"] == "4XMM"
        assert meta["training"]["counts"]["star"] == N_EACH
        assert meta["labels"]["catalogues"]["secrest"]["table"] == "J/ApJS/221/12/table1"
        assert meta["labels"]["catalogues"]["secrest"]["date"]

    @pytest.mark.filterwarnings("ignore:labels are not independent")
    def test_report_of_a_sample_from_disk(self, built):
        report = label_report(built[0].table)
        assert report.classes["n_labelled"].sum() == len(built[0].table)

    def test_only_labelled_sources_are_asked_for_in_detail(self, built):
        records = load_records()
        asked = [r for r in built[2] if r.kind == "match" and r.table == records["gaia"].table]
        assert sum(r.n_positions for r in asked) < 7 * N_EACH + 5


class TestModel:
    def test_published_priors_of_the_classes(self, built):
        priors = built[0].priors
        assert list(priors) == ["AGN", "star", "gal_XRB", "CV", "AGN_2", "ex_XRB", "extended"]
        assert_allclose(sum(priors.values()), 1)
        assert_allclose(priors["AGN"] / priors["CV"], 0.55 / 0.02)

    def test_classifies_what_it_has_not_seen(self, built):
        # Other draws of the same populations: most of them are easy.
        tables, _ = make_mission_sky(12, seed=77)
        with LoopbackCDS(tables):
            other = build("4XMM", references=REFERENCES, show_progress=False).table
        # The names of both skies are numbers.
        other["source_id"] = [f"other {name}" for name in other["source_id"]]
        model, _ = fit_classifier(built[0].table, built[0].priors, rng=1, show_progress=False)
        result = model.classify(other, "training", show_progress=False)
        right = result["prediction"] == other["class"]
        assert right.mean() > 0.85

    def test_file_can_be_shared(self, built):
        other = Table.read(built[0].path)
        assert np.array_equal(other["class"], built[0].table["class"])


class TestReuse:
    def test_from_disk_without_asking_anyone(self, sky, built):
        sample, folder, _ = built
        with LoopbackCDS({}) as cds:
            again = build("4XMM", references=REFERENCES, folder=folder, show_progress=False)
            assert cds.requests == []
        assert again.path == sample.path
        assert np.array_equal(again.table["flux"], sample.table["flux"])

    def test_other_settings_are_another_sample(self, sky, built):
        _, folder, _ = built
        with LoopbackCDS(sky[0]):
            other = build(
                "4XMM",
                references=REFERENCES,
                folder=folder,
                scheme="4 classes",
                max_per_class=20,
                show_progress=False,
            )
        assert other.path != built[0].path
        assert other.priors == "training"
        names, counts = np.unique(other.table["class"], return_counts=True)
        assert list(names) == ["AGN", "CV", "XRB", "star"]
        assert set(counts) == {20}

    def test_own_tables_of_one_name_are_told_apart(self, sky, tmp_path):
        tables = sky[0]
        found = []
        for n in (25, 20):
            own = {"AGN": tables["secrest"], "star": tables["ascc"][:n]}
            with LoopbackCDS(tables):
                sample = build(
                    "4XMM",
                    references=own,
                    scheme={"AGN": "AGN", "star": "star"},
                    folder=tmp_path,
                    show_progress=False,
                )
            found.append(np.count_nonzero(sample.table["class"] == "star"))
        assert found == [25, 20]

    def test_old_ones_are_not_taken(self, built, tmp_path):
        sample = built[0]
        old = tmp_path / sample.path.name
        old.write_bytes(sample.path.read_bytes())
        with LoopbackCDS({}):
            again = build("4XMM", references=REFERENCES, folder=tmp_path, max_age=1 * u.day)
        assert again.path == old
        date = sample.path.stem.split("-")[-2]
        old.rename(tmp_path / old.name.replace(date, "20200101T000000"))
        with LoopbackCDS({}), pytest.raises(UnknownTableError):
            build("4XMM", references=REFERENCES, folder=tmp_path, max_age=1 * u.day)

    def test_damaged_ones_are_not_taken(self, built, tmp_path, caplog):
        path = built[0].path
        (tmp_path / path.name).write_bytes(path.read_bytes()[:-100])
        with LoopbackCDS({}), pytest.raises(UnknownTableError):
            build("4XMM", references=REFERENCES, folder=tmp_path)
        assert "is damaged" in caplog.text


class TestMissions:
    @pytest.mark.parametrize("mission", missions().values(), ids=lambda mission: mission.name)
    def test_the_reference_has_what_a_sample_needs(self, mission):
        names = service_names(mission)
        assert set(names) <= set(load_records()[mission.reference].columns_on("vizier"))
        for column in ("ra", "dec", "pos_error", "flux", "hr1", "hr2"):
            assert set(mission.columns[column].names_in("vizier")) <= set(names.values())
        assert names["id"] in mission.columns["source_id"].names_in("vizier")

    def test_error_of_the_flux_from_limits_and_from_rates(self):
        at = {"id": ["a"], "ra": [1.0], "dec": [2.0]}
        chandra = Table(
            {
                **at,
                "pos_error_major_95": [2.0],
                "pos_error_minor_95": [1.0],
                "flux": [10e-15],
                "flux_lower": [8e-15],
                "flux_upper": [14e-15],
                "hr_ms": [0.1],
                "hr_hm": [0.2],
                "hr_hs": [0.3],
                "is_extended": [True],
            }
        )
        swift = Table(
            {
                **at,
                "pos_error_90": [4.292],
                "flux": [1e-13],
                "rate": [0.01],
                "rate_error_lower": [-0.001],
                "rate_error_upper": [0.003],
            }
        )
        erosita = Table(
            {**at, "pos_error_1d": [2.0], "flux": [1e-13]}
            | {f"flux_p{k}": [k * 1e-14] for k in (1, 2, 3)}
        )
        tables = {"csc2": chandra, "2sxps": swift, "erass1": erosita}
        with LoopbackCDS(tables):
            found = {
                name: fetch_sources(m := missions()[name], fetch_positions(m, FETCH), FETCH)[0]
                for name in ("CSC2", "2SXPS", "eRASS1")
            }
        assert_allclose(found["CSC2"]["flux_error"], 3e-15)
        assert_allclose([found["CSC2"][f"hr{k}"] for k in (1, 2, 3)], [0.1, 0.2, 0.3])
        assert found["CSC2"]["is_extended"]
        assert_allclose(found["CSC2"]["pos_error"], np.sqrt(2.5) / 2.4477, rtol=1e-4)
        assert_allclose(found["2SXPS"]["flux_error"], 2e-14)
        assert_allclose(found["2SXPS"]["snr"], 5)
        assert_allclose(found["2SXPS"]["pos_error"], 2.0, rtol=1e-4)
        assert_allclose([found["eRASS1"][f"hr{k}"] for k in (1, 2)], [1 / 3, 1 / 5])
        assert_allclose(found["eRASS1"]["pos_error"], 2.0)

    def test_a_mission_without_extents_has_no_extended_class(self, sky, tmp_path):
        tables = dict(sky[0])
        xray = tables.pop("4xmm")
        swift = xray["id", "ra", "dec", "flux", "hr1", "hr2"]
        swift["pos_error_90"] = xray["pos_error_63"] * 1.5
        swift["rate"], swift["rate_error_upper"] = 0.01, 0.0005
        swift["rate_error_lower"] = -0.0005
        tables["2sxps"] = swift
        with LoopbackCDS(tables):
            sample = build("2SXPS", references=REFERENCES, folder=tmp_path, show_progress=False)
        assert "label_extended" not in sample.table.colnames
        assert len(sample.priors) == 6


def test_a_sky_without_counterparts_and_galaxies(sky, tmp_path):
    tables = dict(sky[0])
    for name in ("gaia", "allwise", "bailer_jones", "hyperleda", "glade"):
        tables[name] = tables[name][:1].copy()
        tables[name]["ra"], tables[name]["dec"] = 0.0, 89.0
    with LoopbackCDS(tables):
        sample = build(
            "4XMM", references=REFERENCES, folder=tmp_path, min_quality=0, show_progress=False
        )
    assert "AGN_2" not in sample.priors
    assert "log_fx_fr" not in sample.table.colnames
    assert "hr1" in sample.table.colnames


class TestErrors:
    def test_unknown_mission(self):
        with pytest.raises(ValueError, match="mission must be one of '4XMM', '2SXPS'"):
            build("ROSAT")

    def test_releases_by_name(self):
        names = {"4xmm": "4XMM", "4XMM-DR11": "4XMM", "4xmm dr13": "4XMM", "CSC 2.1": "CSC2.1"}
        assert {name: parse_mission(name).name for name in names} == names

    def test_too_few_labels(self, sky, tmp_path):
        tables = {**sky[0], "secrest": sky[0]["secrest"][:5]}
        with LoopbackCDS(tables), pytest.raises(ValueError, match=r"two or more classes .* AGN \("):
            build(
                "4XMM",
                references=["secrest"],
                scheme={"AGN": "AGN"},
                folder=tmp_path,
                show_progress=False,
            )

    def test_no_source_has_a_label(self, sky, tmp_path):
        tables = {**sky[0], "secrest": Table({"ra": [0.0], "dec": [89.0]})}
        with LoopbackCDS(tables), pytest.raises(ValueError, match="give none"):
            build(
                "4XMM",
                references=["secrest"],
                scheme={"AGN": "AGN"},
                folder=tmp_path,
                show_progress=False,
            )
