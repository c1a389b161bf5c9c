"""One panel of a figure: axes as in a paper, drawn by matplotlib, told as SVG whose colours a page sets.

Colours are those of Okabe and Ito, which colour-blind readers can tell apart; every series has a marker and a line
style of its own besides. In the SVG they become CSS variables with the light palette as fallback, so that one drawing
serves light pages, dark pages and print. Text stays text. The same data give the same bytes."""

from __future__ import annotations

import html
import io
import re
import warnings
from dataclasses import dataclass, field
from typing import Callable

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402  (the backend comes first)
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.ticker import FuncFormatter, NullFormatter  # noqa: E402

# name: (light, dark)
PALETTE = {
    "ink": ("#1f2328", "#e6e6e6"),
    "faint": ("#6b7178", "#a0a7ae"),
    "grid": ("#dde1e5", "#3a3f45"),
    "paper": ("#fffffe", "#16181b"),
    "c1": ("#0072b2", "#56b4e9"),
    "c2": ("#d55e00", "#f08a4b"),
    "c3": ("#009e73", "#2fc79a"),
    "c4": ("#b5629a", "#dd9bc5"),
    "c5": ("#8f6a00", "#e0b93a"),
    "c6": ("#4a4f55", "#c3c9cf"),
}
INK, FAINT, GRID, PAPER = (PALETTE[name][0] for name in ("ink", "faint", "grid", "paper"))
SERIES_COLOURS = [PALETTE[f"c{i}"][0] for i in range(1, 7)]
MARKERS = ["o", "s", "^", "D", "v", "P"]
LINES: list[object] = ["-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)), (0, (8, 2))]
SERIES_MAX = len(SERIES_COLOURS)
WIDTH_POINTS, HEIGHT_POINTS = 300, 232

_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "chordkv",
    "text.parse_math": False,
    "axes.formatter.use_mathtext": False,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.5,
    "lines.markersize": 5,
    "errorbar.capsize": 2.5,
    "figure.constrained_layout.use": True,
}


@dataclass
class Panel:
    """One plot: its title, and what draws it."""

    title: str
    draw: Callable[[Axes], None]
    height_points: float = HEIGHT_POINTS
    drawn: dict[str, bytes] = field(default_factory=dict)  # by format: drawing takes a while


def style(index: int) -> dict[str, object]:
    """Colour, marker and line of the index-th series."""
    i = index % SERIES_MAX
    return {"color": SERIES_COLOURS[i], "marker": MARKERS[i], "linestyle": LINES[i]}


def short_number(value: float, _: object = None) -> str:
    """12000 as 12k; at most three digits."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


def short_time(nanoseconds: float, _: object = None) -> str:
    for limit, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "us")):
        if nanoseconds >= limit:
            return f"{nanoseconds / limit:.3g} {unit}"
    return f"{nanoseconds:.3g} ns"


def number_axis(axis: object) -> None:
    axis.set_major_formatter(FuncFormatter(short_number))  # type: ignore[attr-defined]
    axis.set_minor_formatter(NullFormatter())  # type: ignore[attr-defined]


def legend(axes: Axes, columns: int = 2) -> None:
    """Above the axes, where it hides nothing."""
    handles, labels = axes.get_legend_handles_labels()
    if labels:
        columns = 1 if max(map(len, labels)) > 26 else columns
        axes.legend(
            handles,
            labels,
            loc="lower left",
            bbox_to_anchor=(-0.12, 1.0),
            ncols=columns,
            frameon=False,
            handlelength=2.6,
            columnspacing=1.0,
            borderaxespad=0.2,
            labelspacing=0.3,
        )


def _figure(panel: Panel) -> pyplot.Figure:
    figure, axes = pyplot.subplots(figsize=(WIDTH_POINTS / 72, panel.height_points / 72))
    panel.draw(axes)
    axes.patch.set_alpha(0)
    return figure


def _save(panel: Panel, form: str) -> bytes:
    if form not in panel.drawn:
        panel.drawn[form] = _draw(panel, form)
    return panel.drawn[form]


def _draw(panel: Panel, form: str) -> bytes:
    out = io.BytesIO()
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # glyphs that the font of the layout lacks: the reader's has them
        figure = _figure(panel)
        metadata = {
            "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
            "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
        }.get(form, {"Software": None})
        figure.savefig(out, format=form, metadata=metadata, dpi=200, facecolor="white" if form == "png" else "none")
        pyplot.close(figure)
    return out.getvalue()


def inline_svg(panel: Panel, prefix: str) -> str:
    """For a page: colours by CSS variables, ids that no other panel has, scaled to the width that it is given."""
    drawing = _save(panel, "svg").decode("utf-8")
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r"<metadata>.*?</metadata>\s*", "", drawing, flags=re.DOTALL)
    for name, (light, _) in PALETTE.items():
        drawing = drawing.replace(light, f"var(--{name}, {light})")
    drawing = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', drawing)
    drawing = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", drawing)
    drawing = re.sub(r'xlink:href="#([^"]+)"', rf'xlink:href="#{prefix}-\1"', drawing)
    drawing = drawing.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")
    title = html.escape(panel.title, quote=True)
    return re.sub(
        r'<svg [^>]*?viewBox="([^"]+)"[^>]*>',
        rf'<svg class="plot" viewBox="\1" role="img" aria-label="{title.replace(chr(92), chr(92) * 2)}" '
        r'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">',
        drawing,
        count=1,
    )


def css_variables(dark: bool) -> str:
    return " ".join(f"--{name}: {colours[dark]};" for name, colours in PALETTE.items())


def file_bytes(panel: Panel, form: str) -> bytes:
    """As a file of its own: svg (which follows the reader's light or dark setting), pdf or png (light)."""
    if form != "svg":
        return _save(panel, form)
    drawing = inline_svg(panel, "p")
    sheet = (
        f"<style>svg {{ {css_variables(False)} background: var(--paper) }} "
        f"@media (prefers-color-scheme: dark) {{ svg {{ {css_variables(True)} }} }}</style>"
    )
    size = f'width="{WIDTH_POINTS}pt" height="{panel.height_points}pt" '
    drawing = drawing.replace('class="plot" ', size, 1)
    end = drawing.index(">") + 1
    return f"{drawing[:end]}\n<title>{html.escape(panel.title)}</title>{sheet}{drawing[end:]}".encode("utf-8")
