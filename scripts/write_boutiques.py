"""Write docs/boutiques.json: the Boutiques descriptor of ``mriseg segment``.

    python scripts/write_boutiques.py

Inputs are read from the signature of the command: names, types, choices, defaults, bounds and help. Outputs
are those that `mriseg.file_names` lists.
"""

from __future__ import annotations

import json
from enum import Enum
from inspect import Parameter, getdoc, signature
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from mriseg import __version__, file_names
from mriseg.cli.segment import segment

FILE = Path(__file__).resolve().parents[1] / "docs" / "boutiques.json"
# Boutiques finds outputs by the folder that it was given, so that it must be given one.
OUTPUT = "output"
# Identifier, whether some runs leave it out, whether there are several, and content, by ending of the name.
OUTPUTS = {
    file_names.LABELS: ("labels", False, False, "Labels of the tissues"),
    file_names.LABEL_TABLE: ("label_table", False, False, "Names and colours of the labels"),
    "label-*_probseg.nii.gz": ("posteriors", False, True, "Posterior of each tissue"),
    file_names.BRAIN_MASK: ("brain_mask", False, False, "Brain mask"),
    file_names.BRAIN_MASK_SIDECAR: ("brain_mask_sidecar", False, False, "Origin of the brain mask"),
    file_names.ATYPICALITY: ("atypicality", False, False, "How little each voxel is like its tissue"),
    f"{file_names.CORRECTED}*_*.*": ("corrected", True, True, "Scan and channels without their bias field"),
    file_names.VOLUMES: ("volumes", False, False, "Volumes of the tissues, mL"),
    file_names.OVERLAY: ("overlay", False, False, "Outlines of the tissues over the scan"),
    file_names.REPORT: ("report", True, False, "Page with the verdict and what to judge it by"),
    "dseg_lut-*": ("look_up_tables", True, True, "The labels' look-up tables for other programs"),
    file_names.SIDECAR: ("sidecar", False, False, "Settings, parameters, warnings and verdict; written last"),
}
# Inputs that exclude each other, and what an input needs.
EXCLUSIVE = (("mask", "stripped"), ("warm_start", "cohort_prior"), ("verbose", "quiet"))
NEEDED = {"fix_means": ["warm_start"]}
ERRORS = {
    1: "bad input, said in one line",
    2: "wrong usage",
    4: "the verdict that fail_on names; files are written",
}


def value_key(name: str) -> str:
    """Return what stands for an input in the command line."""
    return f"[{name.upper()}]"


def unwrapped(annotation: Any) -> tuple[Any, int | None]:
    """Return the type of a value, and how many make a list (0: any number; None: it is none)."""
    if get_origin(annotation) is UnionType:
        (annotation,) = (part for part in get_args(annotation) if part is not NoneType)
    if get_origin(annotation) is list:
        return get_args(annotation)[0], 0
    if get_origin(annotation) is tuple:
        return get_args(annotation)[0], len(get_args(annotation))
    return annotation, None


def type_of(kind: Any, metavar: str | None) -> dict[str, Any]:
    """Return type, choices and kind of number of an input; folders are made and need not exist."""
    if kind is bool:
        return {"type": "Flag"}
    if kind is Path:
        return {"type": "String" if metavar == "DIR" else "File"}
    if kind in (int, float):
        return {"type": "Number", **({"integer": True} if kind is int else {})}
    choices = {"value-choices": [choice.value for choice in kind]} if issubclass(kind, Enum) else {}
    return {"type": "String", **choices}


def flag_of(name: str, about: Any) -> str | None:
    """Return the longest name of an option; None for an argument."""
    if type(about).__name__ == "ArgumentInfo":
        return None
    return max(about.param_decls or [f"--{name.replace('_', '-')}"], key=len)


def list_of(length: int | None, flag: str | None) -> dict[str, Any]:
    """Return that an input is a list; an option that may be repeated is repeated for each value."""
    if length is None:
        return {}
    if length == 0:
        return {"list": True, "list-separator": f" {flag} "}
    return {"list": True, "min-list-entries": length, "max-list-entries": length}


def input_of(parameter: Parameter, annotation: Any) -> dict[str, Any]:
    """Return an input of the descriptor."""
    kind, about = get_args(annotation)
    kind, length = unwrapped(kind)
    flag, default = flag_of(parameter.name, about), parameter.default
    optional = default is not Parameter.empty and parameter.name != OUTPUT
    given = default.value if isinstance(default, Enum) else default
    return {
        "id": parameter.name,
        "name": parameter.name.replace("_", " ").capitalize(),
        "description": about.help,
        **type_of(kind, about.metavar),
        **list_of(length, flag),
        "optional": optional,
        "value-key": value_key(parameter.name),
        **({"command-line-flag": flag} if flag else {}),
        **({"default-value": given} if optional and isinstance(given, str) else {}),
        **({"minimum": about.min} if about.min is not None else {}),
        **({"requires-inputs": NEEDED[parameter.name]} if parameter.name in NEEDED else {}),
    }


def output_of(ending: str) -> dict[str, Any]:
    """Return an output of the descriptor: the start of its name depends on that of the scan."""
    identifier, optional, several, content = OUTPUTS[ending]
    return {
        "id": identifier,
        "name": identifier.replace("_", " ").capitalize(),
        "description": content,
        "path-template": f"{value_key(OUTPUT)}/{file_names.result_name('*', ending)}",
        "optional": optional,
        **({"list": True} if several else {}),
    }


def group_of(members: tuple[str, ...]) -> dict[str, Any]:
    """Return a group of inputs of which one can be given."""
    return {
        "id": "_or_".join(members),
        "name": " or ".join(members).replace("_", " ").capitalize(),
        "members": list(members),
        "mutually-exclusive": True,
    }


def descriptor() -> dict[str, Any]:
    """Return the descriptor of ``mriseg segment``."""
    hints = get_type_hints(segment, include_extras=True)
    inputs = [input_of(p, hints[p.name]) for p in signature(segment).parameters.values()]
    return {
        "name": "mriseg segment",
        "tool-version": __version__,
        "schema-version": "0.5",
        "description": str(getdoc(segment)).partition("\n")[0],
        "author": "The mriseg developers",
        "command-line": " ".join(["mriseg segment", *(one["value-key"] for one in inputs)]),
        "inputs": inputs,
        "groups": [group_of(members) for members in EXCLUSIVE],
        "output-files": [output_of(ending) for ending in OUTPUTS],
        "error-codes": [{"code": code, "description": meaning} for code, meaning in ERRORS.items()],
        "tags": {"domain": ["neuroimaging", "mri"]},
    }


def as_text() -> str:
    """Return the content of the file."""
    return json.dumps(descriptor(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(as_text(), encoding="utf-8")
