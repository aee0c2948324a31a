# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Sphinx configuration.

Without network: ``sphinx-build -W -D disable_intersphinx=1 docs docs/_build/html``.
"""

import importlib
import inspect
import os
import re
import sys
import tomllib
import warnings
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

try:
    from sphinx_astropy.conf.v3 import *  # noqa: F403
    from sphinx_astropy.conf.v3 import exclude_patterns, extensions, intersphinx_mapping
    from sphinx_gallery.sorting import ExplicitOrder
except ImportError:
    sys.exit('The documentation needs more packages: pip install -e ".[docs]"')

with Path(__file__).parents[1].joinpath("pyproject.toml").open("rb") as stream:
    project_metadata = tomllib.load(stream)["project"]

# -- Project --------------------------------------------------------------------------------------
project = project_metadata["name"]
author = project_metadata["authors"][0]["name"]
project_copyright = f"2026-{datetime.now(tz=UTC).year}, {author}".replace("2026-2026", "2026")
release = metadata.version(project)
version = ".".join(release.split(".")[:2])
source_url = project_metadata["urls"]["Source"]
github_issues_url = f"{source_url}/issues/"
changelog_links_docpattern = ["changes"]

# -- Sphinx ---------------------------------------------------------------------------------------
needs_sphinx = "8.2"
highlight_language = "python3"
# A broken reference to claxboi is an error; others cannot be resolved without a network.
nitpicky = True
# The sidebar has space for the name of a method, not for that of its class too.
toc_object_entries_show_parents = "hide"
# Do not show the default values of fields.
autodoc_default_options = {"no-value": True}
# The parameter lists describe the types.
autodoc_typehints = "none"
nitpick_ignore_regex = [
    ("py:.*", r"(?!claxboi\b).*"),
    ("py:class", r"claxboi\..*\.(Engine|ColumnRule|Section)"),
]
extensions += [
    "matplotlib.sphinxext.plot_directive",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
# Not pages of their own.
exclude_patterns += ["conftest.py", "**/GALLERY_HEADER.rst"]
intersphinx_mapping.pop("h5py", None)  # not used
intersphinx_mapping["astroquery"] = ("https://astroquery.readthedocs.io/en/latest/", None)
intersphinx_mapping["regions"] = ("https://astropy-regions.readthedocs.io/en/stable/", None)
rst_epilog = """
.. _Astropy: https://www.astropy.org
.. _Tranin et al. (2022): https://doi.org/10.1051/0004-6361/202141259
"""

# -- Figures --------------------------------------------------------------------------------------
plot_formats = ["png"]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_pre_code = ""
plot_rcparams = {"savefig.bbox": "tight"}
plot_apply_rcparams = True

# -- Gallery --------------------------------------------------------------------------------------
# Three introductory examples, then the steps in order, and the use of the result.
examples = [
    "star_or_agn",
    "classify",
    "field",
    "fetch",
    "counterparts",
    "hosts",
    "variability",
    "training",
    "candidates",
    "votes",
    "priors",
    "is_it_an_agn",
    "purity",
    "outliers",
    "ulx",
    "random_forest",
    "model",
    "million",
]
# A warning in an example is an error.
warnings.filterwarnings("error", module="__main__")
sphinx_gallery_conf = {
    "abort_on_example_error": True,
    "backreferences_dir": "api",
    "capture_repr": (),  # examples print their output
    "doc_module": ("claxboi",),
    "examples_dirs": "../examples",
    "filename_pattern": "/plot_",
    "gallery_dirs": "gallery",
    "min_reported_time": 60,
    "plot_gallery": os.environ.get("CLAXBOI_DOCS_GALLERY") != "0",
    "reference_url": {"claxboi": None},
    "remove_config_comments": True,
    "reset_modules": ("matplotlib",),
    "show_memory": False,
    "within_subsection_order": ExplicitOrder([*(f"plot_{name}.py" for name in examples), "*"]),
    "write_computation_times": False,
}

# -- HTML -----------------------------------------------------------------------------------------
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_css_files = ["claxboi.css"]
html_js_files = ["claxboi.js"]
html_show_sourcelink = False
html_baseurl = os.environ.get("READTHEDOCS_CANONICAL_URL", "")
html_theme_options = {
    "goatcounter_analytics_url": False,  # no tracking
    "icon_links": [
        {
            "name": "GitHub",
            "url": source_url,
            "icon": "fa-brands fa-github",
            "type": "fontawesome",
        },
    ],
    "logo": {"text": project},
    "navigation_with_keys": False,
    "use_edit_page_button": False,
}
html_context = {
    "default_mode": "light",
    "is_development": "dev" in release,
    "to_be_indexed": ["stable", "latest"],
}

# -- Links ----------------------------------------------------------------------------------------
linkcheck_retry = 3
linkcheck_timeout = 60
linkcheck_ignore = [
    r"https://doi\.org/.*",  # publishers refuse robots
    r"https://ui\.adsabs\.harvard\.edu/.*",
]


# -- Pages generated from data --------------------------------------------------------------------
def write_vocabulary(app):
    """
    Write the table of all columns from the column vocabulary.
    """
    from claxboi.catalog import vocabulary

    lines = [
        ".. list-table::",
        "   :class: stacked",
        "   :header-rows: 1",
        "   :widths: 24 8 18 50",
        "",
        "   * - Column",
        "     - Step",
        "     - Unit",
        "     - Meaning",
    ]
    for record in vocabulary():
        unit = f"``{record['unit']}``" if record["unit"] else ""
        lines += [
            f"   * - ``{record['name']}``",
            f"     - {record['step']}",
            f"     - {unit}",
            f"     - {_rst(record['description'])}",
        ]
    path = Path(app.srcdir, "api", "vocabulary.inc")
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_catalogues(app):
    """
    Write the list of known catalogues from their records.
    """
    from claxboi.references._page import catalogue_page
    from claxboi.references.records import KINDS

    for kind in KINDS:
        path = Path(app.srcdir, "api", f"catalogues-{kind}.inc")
        path.write_text(catalogue_page(kind), encoding="utf-8")


def write_commands(app):
    """
    Write the list of commands and options from the parsers of the command line.
    """
    from claxboi.cli import make_parser

    parser = make_parser()
    defaults = parser.parse_args(["references"])
    lines = []
    for name, command in defaults.commands.choices.items():
        title = f"claxboi {name}"
        about, _, example = command.epilog.partition("\n\n")
        example, _, more = example.partition("\n\n")
        lines += [title, "-" * len(title), "", command.description, "", f".. program:: {title}", ""]
        for action in command._actions:
            if action.dest in ("help", "quiet", "verbose"):  # described for all commands
                continue
            value = action.metavar or ("" if action.nargs == 0 else action.dest.upper())
            names = ", ".join(f"{flag} {value}".strip() for flag in action.option_strings)
            lines += [f".. option:: {names or value}", "", f"   {_rst(action.help)}", ""]
        lines += [f"{about.removesuffix(':')}::", "", example, ""]
        if more:
            lines += ["::", "", *(f"    {line}".rstrip() for line in more.splitlines()), ""]
    path = Path(app.srcdir, "api", "commands.inc")
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _rst(text):
    return re.sub(r"([*|_`])", r"\\\1", text or "")


def write_defaults(app, what, name, obj, options, signature, return_annotation):  # noqa: ARG001
    """
    Replace ``<factory>`` defaults so that the signature can be parsed.
    """
    if signature is None:
        return None
    return signature.replace("<factory>", "..."), return_annotation


def leave_out_new(app, what, name, obj, options, lines):  # noqa: ARG001
    """
    Remove the default docstring of ``__new__``.
    """
    lines[:] = [line for line in lines if not line.startswith("Create new instance of ")]


def leave_out_fields(app, docname, source):  # noqa: ARG001
    """
    Remove the fields of a dataclass from the attribute lists, as its docstring describes them.
    """
    module, _, name = docname.removeprefix("api/").rpartition(".")
    if not docname.startswith("api/claxboi."):
        return
    record = getattr(importlib.import_module(module), name)
    doc = inspect.getdoc(record) or ""
    text = source[0]
    for field in getattr(record, "__dataclass_fields__", ()):
        if re.search(rf"^(\w+, )*{field}(, \w+)* : ", doc, re.MULTILINE):
            listed = rf"^ +(~{name}\.|\.\. autoattribute:: ){field}\n"
            text = re.sub(listed, "", text, flags=re.MULTILINE)
    for empty in (r"Summary\s+\.\. autosummary::", "Documentation"):
        text = re.sub(rf"\.\. rubric:: Attributes {empty}\s+(?=\.\. rubric|\Z)", "", text)
    source[0] = text


def show_gallery(app, docname, source):
    """
    List the gallery pages that use a function at the end of its page.
    """
    if not docname.startswith("api/claxboi."):
        return
    name = docname.removeprefix("api/")
    names = [name, f"claxboi.{name.rpartition('.')[2]}"]
    found = [one for one in names if Path(app.srcdir, "api", f"{one}.examples").is_file()]
    if any(Path(app.srcdir, "api", f"{one}.examples").stat().st_size for one in found):
        source[0] += f"\n\n.. rubric:: In the gallery\n\n.. minigallery:: {' '.join(found)}\n"


def find_home(app, env, node, contnode):
    """
    Resolve a name in `claxboi` to its page in the subpackage that defines it.
    """
    import claxboi

    domain = env.get_domain("py")
    package, _, name = node.get("reftarget", "").partition(".")
    if package != "claxboi" or name.split(".")[0] not in claxboi.__all__:
        return None
    kinds = {"method"} if "." in name else {"class", "function"}
    for home, record in domain.objects.items():
        if home.endswith(f".{name}") and record.objtype in kinds:
            place = node["refdoc"]
            return domain.resolve_xref(env, place, app.builder, "obj", home, node, contnode)
    return None


def setup(app):
    """
    Connect the functions above to Sphinx events.
    """
    app.connect("builder-inited", write_vocabulary)
    app.connect("builder-inited", write_catalogues)
    app.connect("builder-inited", write_commands)
    app.connect("autodoc-process-signature", write_defaults)
    app.connect("autodoc-process-docstring", leave_out_new)
    app.connect("source-read", leave_out_fields)
    app.connect("source-read", show_gallery)
    app.connect("missing-reference", find_home)
