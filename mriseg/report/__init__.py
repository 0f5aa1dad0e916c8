"""Visual reports: overlays, mosaics of differences, charts, the HTML report and the viewer."""
