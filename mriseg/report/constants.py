"""Constants of pictures, charts and pages: sizes, slices and opacities. None is tuned on data."""

from __future__ import annotations

# --- Slices ---------------------------------------------------------------------------------------

# mm: margin of the frame around the brain.
FRAME_MARGIN_MM = 8.0
# Percent, lowest and highest: percentiles of the brain between which the grey scale is set.
GREY_PERCENTILES = (1, 99)
# Share of the range between these percentiles: added below, so that the darkest brain is not black.
GREY_MARGIN_BELOW = 0.3
# Share of the range between these percentiles: added above, so that the brightest brain is not white.
GREY_MARGIN_ABOVE = 0.15
# Voxels: percentiles are estimated on every so-manieth voxel of brains larger than this.
GREY_SAMPLES = 200_000
# Share of the brain by volume, 0 to 1: first and last of the slices that are shown.
SLICE_RANGE = (0.06, 0.94)
# Share of a pixel, 0 to 1: level of the outline; above one half, so that each outline lies just inside its
# own tissue and neighbours do not cover each other.
OUTLINE_LEVEL = 0.75
# Pixels: width of outlines.
OUTLINE_PIXELS = 1.3
# Share per pixel: lower limit of the gradient in the outline; guards a division.
MIN_OUTLINE_GRADIENT = 1e-3

# --- Mosaics --------------------------------------------------------------------------------------

# Pixels: width of a mosaic.
MOSAIC_WIDTH = 1600
# Pixels: gap between slices.
MOSAIC_GAP = 10
# Pixels: height of the caption below a slice.
CAPTION_HEIGHT = 26
# Pixels: margin of the key to the left and right.
KEY_INDENT = 12
# Pixels: width of a colour in the key.
KEY_SWATCH = 26
# Pixels: gap between a colour of the key and its name.
KEY_TEXT_GAP = 10
# Pixels: gap between entries of the key.
KEY_ENTRY_GAP = 30
# Pixels: height of the captions' text.
CAPTION_TEXT_SIZE = 17
# Pixels: height of the key's text.
KEY_TEXT_SIZE = 22
# Slices: number of the longest frame in a row, which sets the scale.
MOSAIC_COLUMNS = 5
# Slices: largest number of narrow frames in a row.
MAX_MOSAIC_COLUMNS = 8

# --- Overlay and differences ----------------------------------------------------------------------

# Pixels: height of a line of the overlay's key.
OVERLAY_KEY_HEIGHT = 52
# Colour of the brain mask: told apart from those of the tissues, and from grey, by everybody.
MASK_COLOR = "#f01eff"
# Colour of what is atypical, and of what has no tissue in one of two label maps; as above.
ODD_COLOR = "#d40000"
# Opacity, 0 to 1: tissues in the style "fill".
FILL_OPACITY = 0.45
# Pixels: height of a line of the key to the differences.
DIFFERENCE_KEY_HEIGHT = 36
# Factor: brightness of the scan under the differences.
DIFFERENCE_DIMMING = 0.8
# Opacity, 0 to 1: differences.
DIFFERENCE_OPACITY = 0.9
# Ratio: mean distance of slices to the least distance of slices that show differences.
MIN_SLICE_DISTANCE_RATIO = 3

# --- Charts ---------------------------------------------------------------------------------------

# Count: points at which the fitted density is drawn.
CHART_POINTS = 384
# Pixels: width of a chart.
CHART_WIDTH = 720
# Pixels: height of the histogram.
HISTOGRAM_HEIGHT = 360
# Pixels: height of the other charts.
TRACE_HEIGHT = 260
# Pixels: left, right, above and below the frame of a chart, for its texts.
CHART_MARGINS = (90, 16, 34, 44)
# Pixels: width of the key of a chart.
CHART_KEY_WIDTH = 160
# Pixels: height of a line of the key of a chart.
CHART_KEY_HEIGHT = 18
# Lines: of the key within the frame of a chart; a longer key would hide the curves and stands above it.
MAX_CHART_KEY_LINES = 6
# Count: ticks of the x and of the y axis at the most.
CHART_TICKS = (10, 6)
# Points: of a trace that are marked by dots; more would run together.
MAX_DOTS = 60
# Pixels per mm: slices of the bias field.
FIELD_PIXELS_PER_MM = 1.5
# Pixels: gap between the slices of the bias field.
FIELD_GAP = 16
# Pixels: width of the key to the bias field.
FIELD_KEY_WIDTH = 84
# Pixels: height of the text above a slice of the bias field.
FIELD_CAPTION_HEIGHT = 22
# Count: shades of the bias field, an odd number, so that 1 has one.
FIELD_SHADES = 201

# Pixels: width of a picture of the scan before or after the correction of its bias field.
CORRECTION_PIXELS = 420
# Pixels: gap between the two slices of such a picture.
CORRECTION_GAP = 6

# --- Sheets of the page ---------------------------------------------------------------------------

# Slices: in a row of a sheet.
SHEET_COLUMNS = 4
# Rows: of a sheet.
SHEET_ROWS = 3
# Pixels: longer side of a slice.
SHEET_PIXELS = 360
# Quality of JPEG, 0 to 100: the scan.
JPEG_QUALITY = 65
# The same: an overlay in a notebook, whose outlines are one voxel wide.
OVERLAY_JPEG_QUALITY = 85
# Count: levels of opacity from none to full; enough for smooth lines, and few enough to compress well.
OPACITY_LEVELS = 4

# --- Plots of mixtures ----------------------------------------------------------------------------

# Columns: of the data whose pairs are plotted at the most; more would be too small to read.
MAX_PLOTTED_COLUMNS = 6
# Points: of a scatter plot at the most; of more, a regular subset is drawn.
MAX_PLOTTED_POINTS = 4000

# --- Viewer ---------------------------------------------------------------------------------------

# Mahalanobis distance, first visible and fully opaque: range of the map of atypical voxels.
ATYPICALITY_RANGE = (2.0, 5.0)

# --- Server ---------------------------------------------------------------------------------------

# Seconds: a connection without a request is closed after them.
SERVER_TIMEOUT_SECONDS = 60
