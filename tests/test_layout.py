"""Tests mirror the package: what a module promises is tested in the file of its name, or it is said where."""

from __future__ import annotations

from pathlib import Path

import mriseg

PACKAGE, TESTS = Path(mriseg.__file__).parent, Path(__file__).parent

ROOMS_WITH_CONSTANTS = (
    "brain", "channels", "cohort", "evaluation", "images",
    "model", "quality", "report", "template",
)  # fmt: skip

# Modules without a test file of their own, and the files that test them.
COVERED_ELSEWHERE = {
    # Constants have no behaviour of their own; each has its meaning beside it.
    **{f"{room}/constants.py": ["test_constants.py"] for room in ROOMS_WITH_CONSTANTS},
    # Options and messages are tested by the commands that have them.
    "cli/arguments.py": ["cli/test_segment.py", "cli/test_reading.py"],
    "cli/cohort_arguments.py": ["cli/test_batch.py", "cli/test_bids.py"],
    "cli/cohort_prior.py": ["model/test_cohort_prior.py"],
    "cli/evaluate.py": ["cli/test_simulate.py"],
    "cli/progress.py": ["cli/test_segment.py", "_utils/test_text.py"],
    "cli/summarise.py": ["cli/test_batch.py"],
    # What discriminants have in common is tested by both of them.
    "mixture/classifier.py": ["mixture/test_discriminant.py"],
    # Steps of joining channels, tested by joining some.
    "channels/intensities.py": ["channels/test_joining.py", "test_segment_channels.py"],
    "brain/lesions.py": ["test_lesions.py"],
    # Parts of a run, tested by runs.
    "cohort/dataset.py": ["cohort/test_plan.py", "cli/test_bids.py"],
    "cohort/local.py": ["cohort/test_run.py"],
    "cohort/prior.py": ["model/test_cohort_prior.py"],
    "cohort/resources.py": ["cohort/test_run.py"],
    "cohort/table.py": ["cohort/test_summary.py"],
    "evaluation/comparison.py": ["evaluation/test_compare.py"],
    "evaluation/simulated_files.py": ["cli/test_simulate.py"],
    # What the image quality figures are computed from, and their table.
    "quality/figures.py": ["quality/test_image_quality.py", "cohort/test_summary.py"],
    "quality/view.py": ["quality/test_image_quality.py"],
    # Parts of one page or picture, tested by looking at the whole.
    "model/multichannel_em.py": ["model/test_multichannel.py"],
    "report/difference.py": ["evaluation/test_compare.py"],
    "report/sheets.py": ["report/test_page.py"],
    # What is put together and written is tested by what is written.
    "results/fast_files.py": ["test_interfaces.py"],
    "results/files.py": ["results/test_segmentation.py"],
    "results/edited_labels.py": ["results/test_editing.py"],
    "results/assembly.py": ["test_pipeline.py", "test_lesions.py"],
    "results/mixture_table.py": ["cli/test_mixture.py"],
    "results/number_table.py": ["cli/test_mixture.py"],
    "results/reading.py": ["evaluation/test_compare.py"],
    # An interface, tested by what has it.
    "mixture/derived.py": ["mixture/test_conditional.py", "mixture/test_estimator.py"],
    "mixture/settings.py": ["mixture/test_estimator.py"],
    "mixture/variational_em.py": ["mixture/test_variational.py", "mixture/test_bayesian.py"],
    "model/base.py": ["model/test_partial_volume.py", "model/test_gaussian_classes.py"],
    "model/partial_volume_em.py": ["model/test_partial_volume.py"],
    "model/template_components.py": ["model/test_template_mixture.py"],
    "model/template_em.py": ["model/test_template_mixture.py"],
    "model/posteriors.py": ["model/test_fitting.py"],
    # Steps of a registration, tested by where it ends.
}


def modules():
    """The modules in rooms of the package, as paths below it."""
    paths = (path.relative_to(PACKAGE) for path in PACKAGE.glob("*/*.py") if path.name != "__init__.py")
    return sorted(path.as_posix() for path in paths)


def file_of(module):
    path = Path(module)
    return TESTS / path.parent / f"test_{path.name}"


def test_every_module_has_a_test_file_or_it_is_said_where_it_is_tested():
    assert [name for name in modules() if not file_of(name).exists() and name not in COVERED_ELSEWHERE] == []


def test_what_is_said_is_needed_and_true():
    assert sorted(COVERED_ELSEWHERE.keys() - set(modules())) == []
    assert [name for name in COVERED_ELSEWHERE if file_of(name).exists()] == []
    named = {file for files in COVERED_ELSEWHERE.values() for file in files}
    assert all(COVERED_ELSEWHERE.values())
    assert [file for file in sorted(named) if not (TESTS / file).is_file()] == []
