"""Make the pictures of docs/gallery.md from the bundled head and from scans simulated on its labels.

    apt-get install chromium && pip install -e '.[viewers]'
    python scripts/build_gallery.py

Overlays are those that `mriseg segment` writes, packed as JPEG; pages are photographed in headless Chromium.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

import mriseg
from mriseg.evaluation.simulated_files import simulate_files
from mriseg.report.viewer import gather_layers, viewer_page

ROOT = Path(__file__).resolve().parents[1]
HEAD = ROOT / "data" / "colin27_T1w.nii.gz"
PICTURES = ROOT / "docs" / "images"
CHROMIUM = shutil.which("chromium")
SOFTWARE_RENDERING = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
QUALITY = 82


def keep(picture: Path, name: str) -> None:
    """Pack a picture as JPEG under docs/images."""
    file = PICTURES / f"{name}.jpg"
    Image.open(picture).convert("RGB").save(file, quality=QUALITY, optimize=True)
    print(f"{file.stat().st_size / 1e3:6.0f} kB  {file.relative_to(ROOT)}")


def photograph(page: Page, address: str, name: str, folder: Path, ready: str) -> None:
    """Open a page, wait until it is ready, and keep what is seen of it."""
    page.goto(address)
    page.wait_for_selector(ready, timeout=120_000)
    page.screenshot(path=folder / f"{name}.png")
    keep(folder / f"{name}.png", name)


def results(folder: Path) -> dict[str, Path]:
    """Segment the head and the simulated scans; return the folder of each."""
    runs = {
        "colin27": (HEAD, {}),
        "colin27_filled": (HEAD, {}),
        "colin27_wrong_contrast": (HEAD, {"contrast": "t2"}),
    }
    done = {}
    for name, (scan, options) in runs.items():
        done[name] = folder / name
        style = "fill" if name.endswith("filled") else "contour"
        mriseg.segment(scan, **options).save(done[name], overlay_style=style)
    labels = done["colin27"] / "colin27_dseg.nii.gz"
    for name, noise, bias in (("simulated_clean", 2, 0), ("simulated_hard", 7, 40)):
        scan, *_ = simulate_files(labels, folder / f"{name}_scan", noise=noise, bias=bias)
        done[name] = folder / name
        mriseg.segment(scan).save(done[name])
    return done


def main() -> None:
    """Make all pictures."""
    if CHROMIUM is None:
        sys.exit("no chromium; apt-get install chromium")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as driver:
        folder = Path(scratch)
        done = results(folder)
        for name, saved in done.items():
            if name != "colin27_wrong_contrast":
                keep(next(saved.glob("*_overlay.png")), f"{name}_overlay")
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=SOFTWARE_RENDERING)
        page = browser.new_page(viewport={"width": 1100, "height": 1300})
        for name in ("colin27", "colin27_wrong_contrast"):
            report = next(done[name].glob("*_report.html")).as_uri()
            photograph(page, report, f"{name}_report", folder, "html.interactive")
        viewer = folder / "viewer.html"
        viewer.write_text(viewer_page(gather_layers([done["colin27"]]), embed=True), encoding="utf-8")
        page.set_viewport_size({"width": 1200, "height": 760})
        photograph(page, viewer.as_uri(), "colin27_viewer", folder, "html[data-ready=yes]")
        browser.close()


if __name__ == "__main__":
    main()
