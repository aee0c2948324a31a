# Licensed under a 3-clause BSD style license - see LICENSE.rst
import tomllib
from pathlib import Path

import pytest

from claxboi.pipeline import PipelineSettings, specialisations
from claxboi.pipeline._toml import toml_text
from claxboi.pipeline.setting_names import in_settings
from claxboi.pipeline.settings import parse_settings


@pytest.mark.parametrize("name", specialisations())
def test_written_and_read_again(name, tmp_path):
    settings = PipelineSettings.named(name)
    settings.write(tmp_path / "job.toml")
    assert PipelineSettings.read(tmp_path / "job.toml") == settings
    text = (tmp_path / "job.toml").read_text()
    # Each setting says what it means.
    assert text.count("\n# ") > 30
    # The reference has lists of parameters and examples; the file has the settings themselves.
    assert "# Step 7 of 7, classes: the classification.\n[classification]\n" in text
    assert "Parameters" not in text
    assert ">>>" not in text
    assert sum(settings.classification.priors.values()) == pytest.approx(1)


def test_published_priors_in_their_order():
    priors = PipelineSettings.named("whole-catalogue").classification.priors
    assert priors == {
        "AGN": 0.55,
        "star": 0.20,
        "gal_XRB": 0.03,
        "CV": 0.02,
        "AGN_2": 0.05,
        "ex_XRB": 0.05,
        "extended": 0.10,
    }
    assert list(priors) == ["AGN", "star", "gal_XRB", "CV", "AGN_2", "ex_XRB", "extended"]


def test_file_says_what_differs_from_its_base(tmp_path):
    path = tmp_path / "job.toml"
    path.write_text('base = "four-classes"\n[labels]\nradius = 5\n[references]\ngaia = "g.fits"\n')
    settings = PipelineSettings.read(path)
    assert settings.labels.scheme == "4 classes"
    assert settings.labels.radius == 5.0
    # Files are where the settings are.
    assert settings.references == {"gaia": str(tmp_path / "g.fits")}
    path.write_text("[labels]\nradius = 5\n")
    assert PipelineSettings.read(path).classification.priors["AGN"] == 0.55


def test_updated_replaces_the_users_own_tables_whole():
    settings = PipelineSettings.named("whole-catalogue")
    changed = settings.updated(
        {
            "classification": {"priors": {"AGN": 0.5, "star": 0.5}},
            "counterparts": {"opt": {"cutoff": 0.1}},
        }
    )
    assert changed.classification.priors == {"AGN": 0.5, "star": 0.5}
    assert changed.counterparts["opt"].surveys == ("gaia",)
    assert changed.counterparts["opt"].cutoff == 0.1
    assert changed.counterparts["ir"] == settings.counterparts["ir"]
    assert settings.classification.priors["AGN"] == 0.55


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"lables": {}}, r"no setting lables: did you mean labels\?"),
        ({"labels": {"radus": 3}}, r"no setting labels\.radus: did you mean labels\.radius\?"),
        ({"counterparts": {"opt": {"survey": []}}}, r"did you mean counterparts\.opt\.surveys\?"),
        ({"gating": {"xyz": True}}, r"no setting gating\.xyz: it may be suspect, extended"),
        ({"labels": {"radius": "x"}}, r"labels\.radius must be a number, got 'x'"),
        ({"labels": {"radius": 0}}, r"labels\.radius must be above 0, got 0"),
        ({"labels": {"min_quality": 1.5}}, r"labels\.min_quality must be an integer, got 1\.5"),
        ({"labels": {"simbad_disagrees": 1}}, r"simbad_disagrees must be true or false, got 1"),
        ({"counterparts": {"opt": {"surveys": "gaia"}}}, r"surveys must be a list of texts"),
        ({"counterparts": {"opt": {"surveys": [1]}}}, r"surveys must be a list of texts, got \[1"),
        ({"counterparts": {"opt": {"rule": "last"}}}, r"rule must be one of 'first', 'best'"),
        ({"labels": 3}, r"labels must be a table, got 3"),
        ({"skip": ["host"]}, r"a step of skip must be one of 'catalogue'"),
        ({"skip": ["classes"]}, r"skip must not name 'classes'"),
        ({"classification": {"properties": "best"}}, r"properties must be one of 'published'"),
        ({"base": "none"}, r"base must be one of 'four-classes'"),
    ],
)
def test_wrong_settings(content, message):
    with pytest.raises((TypeError, ValueError), match=message):
        PipelineSettings.from_dict(content)


def test_wrong_files(tmp_path):
    path = tmp_path / "job.toml"
    with pytest.raises(FileNotFoundError, match="no file of settings"):
        PipelineSettings.read(path)
    path.write_text("radius: 3")
    with pytest.raises(ValueError, match=r"job\.toml is not TOML"):
        PipelineSettings.read(path)
    path.write_text("[labels]\nradus = 3")
    with pytest.raises(ValueError, match=r"job\.toml: there is no setting labels\.radus"):
        PipelineSettings.read(path)
    with pytest.raises(ValueError, match="must be a TOML file or one of four-classes"):
        parse_settings("five-classes")
    with pytest.raises(TypeError, match="got int"):
        parse_settings(4)
    assert parse_settings(None) == PipelineSettings.named("whole-catalogue")


def test_a_written_file_is_not_replaced(tmp_path):
    settings = PipelineSettings()
    settings.write(tmp_path / "job.toml")
    with pytest.raises(FileExistsError, match="pass overwrite=True"):
        settings.write(tmp_path / "job.toml")


def test_toml_gives_everything_back():
    content = {
        "text": 'quote " back \\ line\n tab\t del\x7f é ☃',
        "numbers": [1, -2.5, 1e-300, float("inf"), True],
        "empty": {},
        "odd key": {"a.b": {"c": [{"d": 1}, {"e": [2.0]}]}},
        "last": 3,
    }
    assert tomllib.loads(toml_text(content)) == content
    with pytest.raises(TypeError, match="TOML cannot hold None"):
        toml_text({"a": None})
    assert toml_text({"a": 1}, {"a": "what\nit is"}) == "# what\n# it is\na = 1\n"


def test_data_files_are_installed():
    import claxboi.pipeline

    folder = Path(claxboi.pipeline.__file__).parent / "data"
    assert {path.stem for path in folder.glob("*.toml")} == set(specialisations())


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("merge= or min_class_size", "classification.merge or classification.min_class_size"),
        ("pass priors='training' to confirm", 'set classification.priors = "training" to confirm'),
        (
            "pass pos_error_level=0.9 to claxboi.catalog.standardize; if",
            "set catalogue.pos_error_level = 0.9; if",
        ),
        (
            "name the column with columns={'flux': ...}",
            'name the column with catalogue.columns = { "flux" = ... }',
        ),
        (
            "may be hours: if so, units={'RA': 'hourangle'}",
            """may be hours: if so, catalogue.units = { "RA" = 'hourangle' }""",
        ),
        # Columns, other functions' arguments, and settings of several sections.
        ("pos_error of 3 rows is missing", "pos_error of 3 rows is missing"),
        ("pass fetch=False or radius=3", "pass fetch=False or radius=3"),
        ("pass training=True", "pass training=True"),
        ("pass refine=False", "set classification.refine = false"),
    ],
)
def test_messages_name_settings(message, expected):
    assert in_settings(message) == expected


def test_files_are_relative_to_the_folder_of_the_settings(tmp_path):
    (tmp_path / "labelled.fits").write_text("")
    (tmp_path / "job.toml").write_text(
        "[references]\ngaia = 'gaia.fits'\n"
        "[properties.footprints]\nsdss = 'maps/sdss.fits'\n"
        "[classification]\ntraining = 'labelled.fits'\n"
    )
    settings = PipelineSettings.read(tmp_path / "job.toml")
    assert settings.references == {"gaia": str(tmp_path / "gaia.fits")}
    assert settings.properties.footprints == {"sdss": str(tmp_path / "maps/sdss.fits")}
    assert settings.classification.training == str(tmp_path / "labelled.fits")
