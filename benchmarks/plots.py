"""The plots, as SVG: readable on light and dark pages, text as text."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from report import Curve, Row, Target, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Mid-tones: at least 3:1 on white and on the dark of GitHub's pages.
_LINE, _GOOD, _BAD, _OPEN, _EDGE = "#2f81c7", "#2f9e62", "#d1622b", "#8a8f98", "#8a8f98"
_STAGES = ("#2f81c7", "#2f9e62", "#c98a1b", "#8f6fd1", "#d1622b", "#1f9aa8", "#c2588f", "#7d8b3a", "#5c7fa3", "#a0714f")
_STYLE = (
    "<style>text { fill: #24292f !important } "
    "@media (prefers-color-scheme: dark) { text { fill: #d6dde5 !important } }</style>"
)
_SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "espcam-bridge",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.edgecolor": _EDGE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _EDGE,
    "ytick.color": _EDGE,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
}


def targets(rows: Sequence[Row]) -> str:
    """Every figure as a share of its target: right of 1 is better than asked."""
    known = [row for row in rows if row.target is not None and row.value is not None and row.verdict != "undecided"]
    with mpl.rc_context(_SETTINGS):
        figure, axes = plt.subplots(figsize=(8, 0.6 + 0.34 * len(known)), layout="constrained")
        places = range(len(known), 0, -1)
        for place, row in zip(places, known, strict=True):
            assert row.target is not None
            assert row.value is not None
            better = _headroom(row.value, row.target)
            colour = {"met": _GOOD, "short": _BAD}.get(row.verdict, _OPEN)
            axes.plot([1, better], [place, place], color=colour, linewidth=3, solid_capstyle="butt")
            axes.plot([better], [place], "o", color=colour)
            axes.annotate(
                f"{number(row.value)} {row.unit}".rstrip(),
                (better, place),
                xytext=(7 if better >= 1 else -7, 0),
                textcoords="offset points",
                va="center",
                ha="left" if better >= 1 else "right",
            )
        axes.axvline(1, color=_EDGE, linewidth=1)
        axes.set_xscale("log")
        axes.set_yticks(list(places), [row.name for row in known])
        axes.set_ylim(0.4, len(known) + 0.6)
        axes.margins(x=0.12)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} x")
        axes.xaxis.set_minor_formatter(lambda value, _: f"{value:g} x" if f"{value:g}"[0] in "25" else "")
        axes.set_xlabel("better than the target by this factor →")
        return _svg(figure)


def _headroom(value: float, target: Target) -> float:
    """By which factor the value is better than the target; what is off the plot stands at its edge."""
    better = value / target.bound if target.at_least else target.bound / max(value, 1e-9)
    return min(max(better, 0.1), 10.0)


def growth(curves: Sequence[Curve]) -> str:
    """Small multiples: a row of panels for each curve."""
    across = 3
    heights = [-(-len(curve.panels) // across) for curve in curves]
    with mpl.rc_context(_SETTINGS):
        figure = plt.figure(figsize=(9, 2.0 * sum(heights) + 0.45 * len(curves)), layout="constrained")
        for part, curve, height in zip(
            figure.subfigures(len(curves), 1, height_ratios=[h + 0.2 for h in heights], squeeze=False).flat,
            curves,
            heights,
            strict=True,
        ):
            part.suptitle(curve.x_label, x=0.01, ha="left", fontweight="bold", fontsize=10)
            grid = part.subplots(height, across, squeeze=False)
            for axes, (name, values) in zip(grid.flat, curve.panels.items(), strict=False):
                _panel(axes, curve, name, values)
            for axes in list(grid.flat)[len(curve.panels) :]:
                axes.set_axis_off()
        return _svg(figure)


def _panel(axes: Any, curve: Curve, name: str, values: Sequence[float | None]) -> None:  # noqa: ANN401 - not typed
    known = [(x, value) for x, value in zip(curve.x, values, strict=True) if value is not None]
    axes.plot(*zip(*known, strict=True), "o-", color=_LINE, linewidth=1.5, markersize=4) if known else None
    axes.set_title(name)
    axes.set_ylim(bottom=0, top=1.15 * max((value for _, value in known), default=1) or 1)
    if curve.x_names:
        axes.set_xticks(list(curve.x), list(curve.x_names))
    else:
        axes.set_xscale("log")
        axes.set_xticks(list(curve.x), [f"{x:g}" for x in curve.x])
        axes.minorticks_off()
    axes.grid(axis="y", color=_EDGE, alpha=0.25, linewidth=0.6)


def stages(shares: Mapping[str, float]) -> str:
    """One stacked bar, with its legend."""
    total = sum(shares.values()) or 1.0
    with mpl.rc_context(_SETTINGS):
        figure, axes = plt.subplots(figsize=(9, 2.1), layout="constrained")
        left = 0.0
        for place, (stage, cpu_s) in enumerate(shares.items()):
            share = 100 * cpu_s / total
            label = f"{stage} {share:.1f} %"
            axes.barh(
                [0],
                [share],
                left=left,
                color=_STAGES[place % len(_STAGES)],
                alpha=1 if place < len(_STAGES) else 0.6,
                label=label,
            )
            left += share
        axes.set_xlim(0, 100)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} %")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.25), ncols=4, frameon=False)
        return _svg(figure)


def _svg(figure: Any) -> str:  # noqa: ANN401 - not typed
    text = io.StringIO()
    figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    plt.close(figure)
    head, end, rest = text.getvalue().partition("<defs>")
    return head + _STYLE + "\n " + end + "\n".join(line.rstrip() for line in rest.splitlines()) + "\n"
