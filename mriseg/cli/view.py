"""``mriseg view``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mriseg.report.viewer import Layer


def view(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR|FILE...",
            show_default=False,
            help="Folder that mriseg segment wrote, or NIfTI files: scan, labels, posteriors, mask.",
        ),
    ],
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html",
            show_default=False,
            help="Write one page that holds viewer and images and works offline, and end.",
        ),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only print the address; open it yourself.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the exported file.")] = False,
) -> None:
    """Look at a segmentation in the browser, in three planes and in 3-D.

    Shows the scan, labels with their names, posteriors and the brain mask, all with opacity, until Ctrl-C.
    Nothing leaves this computer: only the named files are served, to this computer's own browser.

    For example: mriseg view sub-01_mriseg

    With the scan as it was: mriseg view sub-01_T1w.nii.gz sub-01_mriseg

    To send to a colleague: mriseg view sub-01_mriseg --export sub-01.html
    """
    if export is not None and export.suffix.lower() not in {".html", ".htm"}:
        raise typer.BadParameter("--export must name a file that ends in .html")
    from mriseg.cli.terminal import say, warn
    from mriseg.report.viewer import gather_layers, viewer_page, without_sidecar
    from mriseg.results.own_labels import warnings_beside

    layers = gather_layers(paths)
    for labels in without_sidecar(layers):
        if labels.parent in paths:  # a label map alone needs none
            warn(labels, ["no sidecar beside it: of a segmentation that did not end, or of another program"])
    for layer in layers:
        if layer.kind == "labels":
            warn(layer.path, warnings_beside(layer.path))
    folders = [path for path in paths if path.is_dir()]
    if folders and all(layer.kind != "scan" for layer in layers):
        warn(folders[0], ["holds no scan; to see it below the labels, name it first: mriseg view SCAN DIR"])
    if export is not None:
        from mriseg._utils.atomic_write import atomic_write

        read = [layer.path for layer in layers]
        with atomic_write(export.parent, [export.name], overwrite=overwrite, inputs=read) as folder:
            (folder / export.name).write_text(viewer_page(layers, embed=True), encoding="utf-8")
        say(f"{export.stat().st_size / 1e6:.1f} MB in {export}")
        return
    _serve(layers, open_browser=not no_browser)


def _serve(layers: list[Layer], *, open_browser: bool) -> None:
    import signal
    import webbrowser

    from mriseg.cli.terminal import Stopped, say
    from mriseg.report.server import file_content, serve, text_content
    from mriseg.report.viewer import viewer_page, viewer_script

    contents = {f"{i}{layer.extension}": file_content(layer.path) for i, layer in enumerate(layers)}
    contents[""] = text_content(viewer_page(layers, embed=False), "text/html")
    contents["niivue.js"] = text_content(viewer_script(), "text/javascript")
    server, address = serve(contents)
    say(f"{address}  (Ctrl-C ends)")
    if open_browser:
        webbrowser.open(address)
    try:
        server.serve_forever()
    except Stopped as stopped:
        if stopped.number != signal.SIGINT:
            raise
    finally:
        server.server_close()
