"""The files by which the repository is worked on: workflow, forms, policies, what is installed."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml

import mriseg

ROOT = Path(__file__).parents[1]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def test_the_workflow_runs_the_projects_own_check_on_the_lowest_python_and_tests_elsewhere():
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]
    lowest = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "requires-python"
    ]
    assert jobs["linux"]["strategy"]["matrix"]["python"][0] == lowest.removeprefix(">=")
    assert jobs["linux"]["steps"][-1]["run"] == "bash .ci/run"
    assert {"macos-latest", "windows-latest"} == set(jobs["elsewhere"]["strategy"]["matrix"]["system"])


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_forms_have_what_an_issue_form_needs(form):
    content = yaml.safe_load(form.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= set(content)
    asked = [part for part in content["body"] if part["type"] != "markdown"]
    assert all(part["attributes"]["label"] for part in asked)
    assert len({part["id"] for part in asked}) == len(asked) > 0


@pytest.mark.parametrize("name", ["SECURITY.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md"])
def test_links_between_policies_lead_to_files(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = [part.partition(")")[0].partition("#")[0] for part in text.split("](")[1:]]
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_page_on_installation_says_what_each_dependency_is_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {entry.partition(">=")[0] for entry in project["dependencies"]}
    page = (ROOT / "docs/installation.md").read_text(encoding="utf-8").splitlines()
    rows = {line.split("|")[1].strip() for line in page if line.startswith("|")}
    assert rows - {"dependency", "---"} == needed
    extras = {name for name in project["optional-dependencies"] if f"`{name}`" in "\n".join(page)}
    assert extras == set(project["optional-dependencies"])


# What conda-forge names otherwise than PyPI, and what it has not.
CONDA_NAMES = {"lazy-loader": "lazy_loader", "matplotlib": "matplotlib-base", "zlib-ng": "python-zlib-ng"}
NOT_IN_CONDA = {"ancpbids"}


def test_the_conda_recipe_has_the_dependencies_and_the_version_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    recipe = yaml.safe_load((ROOT / "scripts/conda/recipe.yaml").read_text(encoding="utf-8"))
    bounds = dict(entry.split(">=") for entry in project["dependencies"])
    names = {CONDA_NAMES.get(name, name): bound for name, bound in bounds.items()}
    requirements = recipe["requirements"]
    needed = dict(entry.split(" >=") for entry in requirements["run"])
    assert needed.pop("python") == project["requires-python"].removeprefix(">=")
    assert dict(entry.split(" >=") for entry in requirements["run_constraints"]).keys() == NOT_IN_CONDA
    assert {**needed, **dict(entry.split(" >=") for entry in requirements["run_constraints"])} == names
    assert recipe["context"]["version"] == mriseg.__version__
    for key, value in project["scripts"].items():
        assert recipe["build"]["python"]["entry_points"] == [f"{key} = {value}"]
