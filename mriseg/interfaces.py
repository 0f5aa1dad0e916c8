"""Interface to Nipype: `Segment` stands where a workflow runs FSL FAST. Needs the extra ``nipype``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

from mriseg import __version__
from mriseg.file_names import REPORT, SIDECAR, result_name, stem
from mriseg.results.fast_files import fast_files, fast_map, save_fast_files

try:
    from nipype.interfaces.base import (
        CommandLine,
        CommandLineInputSpec,
        File,
        InputMultiPath,
        OutputMultiPath,
        TraitedSpec,
        isdefined,
        traits,
    )
    from nipype.utils.filemanip import split_filename
except ImportError as error:
    raise ImportError("mriseg.interfaces needs nipype: pip install nipype") from error

# What FAST calls T1, T2 and proton density.
_CONTRASTS = {1: "t1", 2: "t2", 3: "pd"}


class SegmentInputSpec(CommandLineInputSpec):
    """Inputs of `Segment`: those of ``fsl.FAST`` that have a counterpart, and a few of our own."""

    in_files = InputMultiPath(
        File(exists=True),
        copyfile=False,
        argstr="%s",
        position=0,
        mandatory=True,
        desc="brain without skull; further scans of the session are channels",
    )
    out_basename = File(desc="start of the names of all files; that of the last of in_files if not given")
    img_type = traits.Enum(1, 2, 3, argstr="--contrast %s", desc="1 T1, 2 T2, 3 PD; detected if not given")
    segments = traits.Bool(desc="write a binary image of each tissue")
    probability_maps = traits.Bool(desc="write the probabilities of each tissue")
    no_bias = traits.Bool(argstr="--no-bias", desc="do not correct for a bias field")
    bias_iters = traits.Enum(0, argstr="--no-bias", desc="0 alone, which is the same as no_bias")
    stripped = traits.Bool(
        True,
        usedefault=True,
        argstr="--stripped",
        desc="take all that is not background as brain, as FAST does; else the brain is found",
    )
    fail_on = traits.Enum(
        "look-closely",
        "do-not-trust",
        argstr="--fail-on %s",
        desc="fail if the verdict on the segmentation is this or graver",
    )


class SegmentOutputSpec(TraitedSpec):
    """Outputs of `Segment`: those of ``fsl.FAST`` by their names, and report and sidecar."""

    tissue_class_map = File(exists=True, desc="labels: 1 CSF, 2 GM, 3 WM")
    tissue_class_files = OutputMultiPath(File(exists=True), desc="a binary image of CSF, GM and WM each")
    partial_volume_map = File(exists=True, desc="the tissue with the largest share, numbered likewise")
    partial_volume_files = OutputMultiPath(File(exists=True), desc="shares of CSF, GM and WM, 0 to 1")
    probability_maps = OutputMultiPath(File(exists=True), desc="probabilities of CSF, GM and WM")
    report = File(exists=True, desc="page with the verdict and what to judge it by")
    sidecar = File(exists=True, desc="verdict, warnings, settings and figures, JSON")


class Segment(CommandLine):
    """``mriseg segment`` with inputs, outputs and file names of FSL FAST.

    Examples
    --------
    >>> segment = Segment(in_files="sub-01_desc-brain_T1w.nii.gz", no_bias=True)  # doctest: +SKIP
    >>> segment.run().outputs.partial_volume_files  # doctest: +SKIP
    """

    # The mriseg that belongs to this module, wherever PATH leads.
    _cmd = f"{shlex.quote(sys.executable)} -m mriseg segment"
    input_spec = SegmentInputSpec
    output_spec = SegmentOutputSpec

    @property
    def version(self) -> str:
        """Version of mriseg."""
        return __version__

    @property
    def _base(self) -> Path:
        """Start of the names of all files, in the folder where the interface runs."""
        given = self.inputs.out_basename
        name = str(given) if isdefined(given) else split_filename(self.inputs.in_files[-1])[1]
        return Path.cwd() / name

    @property
    def _folder(self) -> Path:
        """Where mriseg writes its results."""
        return self._base.with_name(f"{self._base.name}_mriseg")

    def _format_arg(self, name: str, trait_spec: Any, value: Any) -> Any:
        if name == "in_files":
            return " --channel ".join(shlex.quote(file) for file in value)
        if name == "bias_iters":
            return trait_spec.argstr
        return super()._format_arg(name, trait_spec, _CONTRASTS[value] if name == "img_type" else value)

    def _parse_inputs(self, skip: Any = None) -> list[str]:
        own = ["--output", shlex.quote(str(self._folder)), "--label-order", "fast", "--overwrite"]
        return [*dict.fromkeys(super()._parse_inputs(skip=skip)), *own]

    def _run_interface(self, runtime: Any, correct_return_codes: tuple[int, ...] = (0,)) -> Any:
        """Run the command; the results get the names of FAST's."""
        runtime = super()._run_interface(runtime, correct_return_codes)
        if runtime.returncode not in correct_return_codes:
            self.raise_exception(runtime)
        save_fast_files(
            self._folder,
            self._stem,
            self._base,
            segments=self.inputs.segments is True,
            probabilities=self.inputs.probability_maps is True,
        )
        return runtime

    @property
    def _stem(self) -> str:
        return stem(Path(self.inputs.in_files[0]))

    def _list_outputs(self) -> dict[str, Any]:
        outputs: dict[str, Any] = self.output_spec().get()
        outputs["tissue_class_map"] = str(fast_map(self._base, "seg"))
        outputs["partial_volume_map"] = str(fast_map(self._base, "pveseg"))
        lists = {"partial_volume_files": "pve"}
        lists |= {"tissue_class_files": "seg"} if self.inputs.segments is True else {}
        lists |= {"probability_maps": "prob"} if self.inputs.probability_maps is True else {}
        outputs |= {
            name: [str(path) for path in fast_files(self._base, kind)] for name, kind in lists.items()
        }
        outputs["report"] = str(self._folder / result_name(self._stem, REPORT))
        outputs["sidecar"] = str(self._folder / result_name(self._stem, SIDECAR))
        return outputs
