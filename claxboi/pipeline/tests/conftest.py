# Licensed under a 3-clause BSD style license - see LICENSE.rst
from typing import NamedTuple

import pytest

from claxboi.pipeline import PipelineSettings, find_references, run
from claxboi.simulation import make_mock_sky


class Done(NamedTuple):
    folder: object
    sky: object
    settings: object
    references: dict
    result: object

    @property
    def output(self):
        return self.folder / "out.fits"

    def run(self, output, **changes):
        """
        Do the same job again, with some arguments changed.
        """
        arguments = {
            "settings": self.settings,
            "mission": "4XMM",
            "references": self.references,
            "show_progress": False,
        }
        catalogue = changes.pop("catalogue", self.folder / "sky/xray.fits")
        return run(catalogue, output, **arguments | changes)


@pytest.fixture(scope="session")
def done(tmp_path_factory):
    """
    A small mock sky in files, and the whole job done on it.
    """
    folder = tmp_path_factory.mktemp("job")
    sky = make_mock_sky(500, rng=3)
    sky.write(folder / "sky")
    references = find_references(folder / "sky/references") | find_references(folder / "sky/others")
    settings = PipelineSettings.named("four-classes")
    settings = settings.updated({"classification": {"class_sets": 0.9}})
    empty = Done(folder, sky, settings, references, None)
    return empty._replace(result=empty.run(folder / "out.fits"))
