# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
"""Sphinx's settings for the site. docs/site/build lays out the sources and calls it."""

project = "mod_betterauth"
author = "the mod_betterauth authors"
html_title = "mod_betterauth"

extensions = ["myst_parser"]
myst_enable_extensions = ["fieldlist"]
myst_heading_anchors = 4
exclude_patterns = ["theme"]

# Nothing is fetched from elsewhere: fonts are the reader's own, and there are no scripts but for the search.
html_theme = "theme"
html_theme_path = ["."]
html_copy_source = False
html_show_sourcelink = False
html_permalinks_icon = "#"
# The summaries would be fetched page by page, which a browser refuses to a site opened as files.
html_show_search_summary = False

highlight_language = "none"
pygments_style = "default"
# What the lexers do not know is shown without colours.
suppress_warnings = ["misc.highlighting_failure"]


def dark_too(app, error):
    """The colours of code are for light pages; those for dark ones go behind them."""
    from pathlib import Path

    from pygments.formatters import HtmlFormatter

    if error is None:
        dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight")
        with (Path(app.outdir) / "_static" / "pygments.css").open("a") as css:
            css.write("\n@media (prefers-color-scheme: dark) {\n" + dark + "\n}\n")


def setup(app):
    app.connect("build-finished", dark_too)
