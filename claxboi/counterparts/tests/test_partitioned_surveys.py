# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table
from numpy.testing import assert_allclose

from claxboi.classification import NaiveBayesClassifier, classify_partitions
from claxboi.counterparts import MagnitudePrior, associate_partitions, find_counterparts

pytest.importorskip("dask", reason="needs claxboi[lsdb]")
lsdb = pytest.importorskip("lsdb", reason="needs claxboi[lsdb]")

# What LSDB and its dependencies warn of is not ours.
pytestmark = pytest.mark.filterwarnings("ignore")

RADIUS = 20 * u.arcsec
MARGIN = 400.0


@pytest.fixture(scope="module")
def sky():
    """X-ray sources on four square degrees, of which the survey covers three quarters."""
    rng = np.random.default_rng(7)
    n, m = 400, 24_000
    xray = Table({"source_id": np.char.mod("X%d", np.arange(n)), "flux": rng.uniform(size=n)})
    xray["ra"], xray["dec"] = rng.uniform(44, 46, n), rng.uniform(-1, 1, n)
    # The meridian of 45 deg and the equator are edges of partitions of any order.
    xray["ra"][:60] = 45 + rng.normal(0, 4, 60) / 3600
    xray["dec"][60:90] = rng.normal(0, 4, 30) / 3600
    # Pairs that share their objects, on both sides of the edges.
    for column, size in (("ra", 6), ("dec", 6)):
        xray[column][200:290] = xray[column][:90] + rng.normal(0, size, 90) / 3600
    xray["pos_error"] = rng.uniform(1, 4, n)
    xray["epoch"] = rng.uniform(2001, 2020, n)
    survey = Table({"id": np.arange(m) + 10**6})
    survey["ra"], survey["dec"] = rng.uniform(44, 46, m), rng.uniform(-1, 1, m)
    for column in ("ra", "dec"):
        survey[column][:250] = xray[column][:250] + rng.normal(0, 2, 250) / 3600
    survey["pos_error"] = 0.2
    survey["g_mag"] = rng.uniform(14, 21, m)
    survey["name"] = np.char.mod("star %d", np.arange(m))
    survey["pmra"], survey["pmdec"] = rng.normal(0, 300, (2, m))
    survey["pmra_error"] = survey["pmdec_error"] = 1.0
    survey["ref_epoch"] = 2016.0
    return xray, survey[(survey["ra"] < 45) | (survey["dec"] < 0)]


def catalog(table, margin=None, **options):
    # Without units, as data frames have none.
    frame = Table({name: np.asarray(table[name]) for name in table.colnames}).to_pandas()
    return lsdb.from_dataframe(
        frame,
        ra_column="ra",
        dec_column="dec",
        margin_threshold=margin,
        highest_order=8,
        **options,
    )


@pytest.fixture(scope="module")
def catalogs(sky):
    xray, survey = sky
    return (
        catalog(xray, partition_rows=150),
        catalog(survey, MARGIN, partition_rows=2800),
    )


def check(result, expected):
    frame = result.compute(progress_bar=False) if hasattr(result, "npartitions") else result
    assert len(frame) == len(expected)
    frame = frame.set_index("source_id").loc[expected["source_id"].tolist()]
    new = expected.colnames[expected.colnames.index("opt_id") :]
    assert [name for name in frame.columns if name in new] == new
    for name in new:
        column = expected[name]
        mask = np.ma.getmaskarray(np.ma.asarray(column))
        assert frame[name].isna().to_numpy().tolist() == mask.tolist(), name
        found, wanted = frame[name].to_numpy(object)[~mask], np.asarray(column)[~mask]
        if column.dtype.kind == "f":
            assert_allclose(found.astype(float), wanted, rtol=1e-12, atol=1e-15)
        else:
            assert found.tolist() == wanted.tolist()


CASES = {
    "mean density, finer sources": ({"density": 6000 / u.deg**2, "epoch": False}, 100, 10_000),
    "local density, moving objects, finer survey": ({"density": "local"}, 200, 2800),
}


@pytest.mark.parametrize("case", CASES)
def test_equals_the_whole(sky, case):
    xray, survey = sky
    settings, sources_rows, survey_rows = CASES[case]
    options = {"radius": RADIUS, "completeness": 0.6, "keep": ["g_mag"], **settings}
    expected = find_counterparts(xray, {"stars": survey}, **options)
    # Objects that two sources claim, some of them in different partitions.
    assert np.ma.sum(expected["opt_is_shared"]) > 20
    assert expected["opt_id"].mask.any()
    parts = (
        catalog(xray, partition_rows=sources_rows),
        catalog(survey, MARGIN, partition_rows=survey_rows),
    )
    assert parts[0].npartitions > 3
    result = associate_partitions(parts[0], {"stars": parts[1]}, **options)
    assert isinstance(result, type(parts[0]))
    check(result, expected)
    assert "opt_id" not in parts[0].columns


def test_surveys_in_turn(sky):
    xray, survey = sky
    half = survey[::2]
    bins = {"low": [14, 17], "high": [17, 21], "counterparts": [0.7, 0.3], "field": [0.4, 0.6]}
    prior = MagnitudePrior.from_table(Table(bins), "g_mag")
    options = {
        "radius": RADIUS,
        "completeness": {"half": 0.3, "all": 0.6},
        "density": {"half": 3000 / u.deg**2, "all": 6000 / u.deg**2},
        "priors": prior,
        "cutoff": 0.3,
        "epoch": False,
        "rule": "best",
    }
    expected = find_counterparts(xray, {"half": half, "all": survey}, **options)
    assert set(np.ma.compressed(expected["opt_reference"])) == {"half", "all"}
    result = associate_partitions(
        catalog(xray, partition_rows=100),
        {
            "half": catalog(half, 61, partition_rows=2000),
            "all": catalog(survey, 100, partition_rows=3600),
        },
        **options,
    )
    check(result, expected)


def test_empty_partitions(sky, catalogs):
    xray, survey = sky
    options = {"radius": RADIUS, "completeness": 0.6, "density": 6000 / u.deg**2}
    north = xray[xray["dec"] > 0.3]
    expected = find_counterparts(xray, {"stars": survey}, **options)[xray["dec"] > 0.3]
    assert len(expected) == len(north)
    result = associate_partitions(
        catalogs[0].query("dec > 0.3"), {"stars": catalogs[1]}, **options
    ).compute(progress_bar=False)
    # Sources south of it do not share objects any more.
    expected = find_counterparts(north, {"stars": survey}, **options)
    check(result, expected)


def test_hats_out_and_resume(sky, catalogs, tmp_path):
    xray, survey = sky
    options = {"radius": RADIUS, "completeness": 0.6, "density": "local"}
    expected = find_counterparts(xray, {"stars": survey}, **options)
    catalogs[0].write_catalog(tmp_path / "xray", progress_bar=False)
    catalogs[1].write_catalog(tmp_path / "stars", progress_bar=False)
    sources = lsdb.open_catalog(tmp_path / "xray")
    result = associate_partitions(
        sources, {"stars": lsdb.open_catalog(tmp_path / "stars")}, **options
    )
    out = tmp_path / "out"
    stop = [3]

    def interrupt(frame):
        stop[0] -= 1
        if stop[0] < 0:
            raise KeyError("interrupted")
        return frame

    broken = result.map_partitions(interrupt, meta=result.meta)
    with pytest.raises(RuntimeError, match="interrupted"):
        broken.write_catalog(out, as_collection=False, progress_bar=False)
    done = {path: path.stat().st_mtime_ns for path in out.rglob("Npix=*.parquet")}
    assert len(done) < result.npartitions
    with pytest.raises(ValueError, match="contains files"):
        result.write_catalog(out, as_collection=False, progress_bar=False)
    result.write_catalog(out, as_collection=False, resume=True, progress_bar=False)
    written = list(out.rglob("Npix=*.parquet"))
    assert len(written) == result.npartitions
    assert all(path.stat().st_mtime_ns == when for path, when in done.items())
    check(lsdb.open_catalog(out), expected)


def test_classified_in_the_same_pass(sky, catalogs, tmp_path):
    xray, survey = sky
    options = {"radius": RADIUS, "completeness": 0.6, "density": 6000 / u.deg**2}
    expected = find_counterparts(xray, {"stars": survey}, keep=["g_mag"], **options)
    expected["log_fx_fg"] = np.log10(expected["flux"]) + np.ma.asarray(expected["g_mag"]) / 2.5
    sample = expected[~expected["log_fx_fg"].mask]["log_fx_fg", "flux"]
    sample["class"] = np.where(sample["log_fx_fg"] > 6.7, "AGN", "star")
    model = NaiveBayesClassifier(["log_fx_fg", "flux"]).fit(sample)
    priors = {"AGN": 0.7, "star": 0.3}
    expected = model.classify(expected, priors, show_progress=False)

    def add_ratio(frame):
        return frame.assign(log_fx_fg=np.log10(frame["flux"]) + frame["g_mag"] / 2.5)

    found = associate_partitions(catalogs[0], {"stars": catalogs[1]}, keep=["g_mag"], **options)
    result = classify_partitions(found.map_partitions(add_ratio), model, priors)
    result.write_catalog(tmp_path / "out", progress_bar=False)
    check(lsdb.open_catalog(tmp_path / "out"), expected)


def test_folder_that_cannot_be_written(catalogs, tmp_path):
    options = {"radius": RADIUS, "completeness": 0.6, "density": 6000 / u.deg**2}
    result = associate_partitions(catalogs[0], {"stars": catalogs[1]}, **options)
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        result.write_catalog(tmp_path / "file" / "out", progress_bar=False)


def test_wrong_arguments(sky, catalogs):
    xray, survey = catalogs
    options = {"radius": RADIUS, "completeness": 0.6, "density": 6000 / u.deg**2}

    def run(**changes):
        given = {"catalog": xray, "surveys": {"stars": survey}, **options, **changes}
        return associate_partitions(given.pop("catalog"), given.pop("surveys"), **given)

    with pytest.raises(TypeError, match="catalog must be an LSDB catalogue, got Table"):
        run(catalog=sky[0])
    with pytest.raises(TypeError, match="mapping of names to LSDB catalogues"):
        run(surveys=survey)
    with pytest.raises(TypeError, match=r"surveys\['stars'\] must be an LSDB catalogue, got Table"):
        run(surveys={"stars": sky[1]})
    with pytest.raises(ValueError, match="at least 3 x radius = 450 arcsec, got 400 arcsec"):
        run(radius=150 * u.arcsec)
    with pytest.raises(ValueError, match="got 0 arcsec"):
        run(surveys={"stars": xray})
    with pytest.raises(ValueError, match="differ from partition to partition"):
        run(completeness="estimate")
    with pytest.raises(ValueError, match="must have distributions"):
        run(priors="g_mag")
    with pytest.raises(ValueError, match="density must be one value"):
        run(density=np.full(len(sky[0]), 2000) / u.deg**2)
    with pytest.raises(ValueError, match="id_column must name the identifier"):
        run(surveys={"stars": survey[["ra", "dec", "pos_error"]]})
    with pytest.raises(KeyError, match="keep: no column 'colour'"):
        run(keep=["colour"])
    again = run()
    with pytest.raises(ValueError, match="overwrite=True"):
        run(catalog=again)
    assert run(catalog=again, overwrite=True).columns.tolist() == again.columns.tolist()


def test_margin_too_narrow(sky, catalogs):
    narrow = catalog(sky[1], 60, partition_rows=2800)
    options = {"radius": RADIUS, "completeness": 0.6}
    result = associate_partitions(catalogs[0], {"stars": narrow}, density="local", **options)
    with pytest.raises(RuntimeError, match=r"margin of stars is too narrow.*objects moved"):
        result.compute(progress_bar=False)
    result = associate_partitions(
        catalogs[0], {"stars": narrow}, density="local", epoch=False, **options
    )
    with pytest.raises(RuntimeError, match="too narrow for density='local'"):
        result.compute(progress_bar=False)
