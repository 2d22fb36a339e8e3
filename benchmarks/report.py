"""What was measured, as values, text, Markdown and JSON; pure (no clock, no file, only the standard library).

The vocabulary: a ``Row`` is one figure with its target; a ``Curve`` shows how figures grow with one thing; ``Shares``
tell which stage of the hot path took which part of the CPU time. A measurement returns a ``Findings`` of these.
"""

from __future__ import annotations

import itertools
import math
import statistics
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

BEGIN_MARK = "<!-- measured: begin -->"
END_MARK = "<!-- measured: end -->"

DISTURBED_CORES = 0.1
INFERENCE_STAGE = "inference"
OTHER_STAGE = "other"
# What a thread does outside every watched stage, by the beginning of its name; the rest is the web's.
_OWN_WORK = {
    "ingest": "receiving",
    "infer": "hand-over",
    "mqtt": "MQTT",
    "MainThread": OTHER_STAGE,
    "monitor": OTHER_STAGE,
    "model": OTHER_STAGE,
}
_WEB_STAGE = "live streams"


class Target(NamedTuple):
    """What a figure must reach: ``at_least`` or else at most ``bound``."""

    bound: float
    at_least: bool = True

    def reached(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        name: short, of the thing measured.
        compares: what is put side by side with what.
        value: the figure; None when it could not be had.
        unit: of value and target; empty for a ratio.
        target: None for figures that only explain.
        disturbed_cores: what others took of the machine meanwhile, where that spoils the value; above
            ``DISTURBED_CORES`` nothing is claimed.
        uncertainty: the value may be off by this much either way (95 %); a target inside that range is undecided.
        problem: why there is no value.
        note: what the reader must know.
        raw: the numbers of each round.
    """

    name: str
    compares: str
    value: float | None = None
    unit: str = ""
    target: Target | None = None
    uncertainty: float = 0.0
    problem: str = ""
    note: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict)
    disturbed_cores: float = 0.0

    @property
    def verdict(self) -> str:
        """``met``, ``short``, ``undecided``, ``not measured``, or nothing when there is no target."""
        if self.value is None or not math.isfinite(self.value):
            return "not measured"
        if self.target is None:
            return ""
        if self.disturbed_cores > DISTURBED_CORES:
            return "undecided"
        low, high = self.value - self.uncertainty, self.value + self.uncertainty
        outcomes = {self.target.reached(low), self.target.reached(high)}
        return "undecided" if len(outcomes) > 1 else "met" if outcomes == {True} else "short"


@dataclass(frozen=True)
class Curve:
    """How figures grow: each panel has one value for every x; None where it could not be had."""

    name: str
    x_label: str
    x: Sequence[float]
    panels: Mapping[str, Sequence[float | None]]
    x_names: Sequence[str] = ()
    note: str = ""


@dataclass(frozen=True)
class Findings:
    """What one measurement brings home."""

    rows: Sequence[Row] = ()
    curves: Sequence[Curve] = ()
    shares: Mapping[str, float] = field(default_factory=dict)


# --- figures out of figures ----------------------------------------------------------------------------------------


class Fit(NamedTuple):
    """A straight line through points: its slope and the slope's 95 % uncertainty."""

    slope: float
    uncertainty: float


def fit_line(x: Sequence[float], y: Sequence[float]) -> Fit:
    """Least squares.

    The uncertainty takes neighbours in time for what they are: alike. Successive residuals that correlate (by r) hold
    (1 - r) / (1 + r) as much news as independent ones, so the error grows by the root of the inverse.

    Raises:
        ValueError: fewer than three points, or all at the same x.
    """
    if len(x) < 3:
        raise ValueError("a line needs three points to say how sure it is")
    slope, intercept = statistics.linear_regression(x, y)
    residuals = [value - intercept - slope * at for at, value in zip(x, y, strict=True)]
    squares = sum(residual**2 for residual in residuals)
    if squares == 0:
        return Fit(slope, 0.0)
    mean_x = statistics.fmean(x)
    error = math.sqrt(squares / (len(x) - 2) / sum((at - mean_x) ** 2 for at in x))
    r = sum(a * b for a, b in itertools.pairwise(residuals)) / squares
    r = min(max(r, 0.0), 0.99)
    return Fit(slope, 1.96 * error * math.sqrt((1 + r) / (1 - r)))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share (0..1) of the values does not exceed.

    Raises:
        ValueError: there are none.
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]


def knee(x: Sequence[float], y: Sequence[float | None], loss: float = 0.1) -> float | None:
    """The first x where y has left its first value by more than this share; None when it never does."""
    known = [(at, value) for at, value in zip(x, y, strict=True) if value is not None]
    if not known or known[0][1] == 0:
        return None
    first = known[0][1]
    return next((at for at, value in known if abs(value / first - 1) > loss), None)


def share_out(told: Mapping[str, Any]) -> dict[str, float]:
    """CPU seconds of each stage.

    Args:
        told: ``process_cpu_s``, and ``threads`` with ``name``, ``cpu_s`` (None: none of Python's, or it ended) and, by
            name, ``stages``: the CPU seconds that were measured inside them.

    Returns:
        By stage; their sum is ``process_cpu_s``.
    """
    shares: dict[str, float] = {}
    left_s = told["process_cpu_s"]
    for thread in told["threads"]:
        inside = thread.get("stages", {})
        for stage, cpu_s in inside.items():
            shares[stage] = shares.get(stage, 0.0) + cpu_s
        staged_s = sum(inside.values())
        own_s = max(0.0, (thread["cpu_s"] or 0.0) - staged_s)
        if own_s:
            work = next((work for name, work in _OWN_WORK.items() if thread["name"].startswith(name)), _WEB_STAGE)
            shares[work] = shares.get(work, 0.0) + own_s
        left_s -= staged_s + own_s
    shares[INFERENCE_STAGE] = shares.get(INFERENCE_STAGE, 0.0) + max(0.0, left_s)
    return shares


# --- for people ----------------------------------------------------------------------------------------------------


def number(value: float | None) -> str:
    """A figure with as many digits as mean something."""
    if value is None or not math.isfinite(value):
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def shown_value(row: Row) -> str:
    shown = number(row.value)
    if row.uncertainty and row.value is not None:
        shown += f" ± {number(row.uncertainty)}"
    return f"{shown} {row.unit}".rstrip()


def shown_target(row: Row) -> str:
    if row.target is None:
        return ""
    return f"{'≥' if row.target.at_least else '≤'} {row.target.bound:,g} {row.unit}".rstrip()


def text_table(rows: Sequence[Row]) -> str:
    """The table for a terminal."""
    head = ("what", "value", "target", "verdict")
    cells = [head, *((row.name, shown_value(row), shown_target(row), row.verdict) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    lines.insert(1, "-" * (sum(widths) + 2 * (len(head) - 1)))
    lines += [f"  {row.name}: {row.problem or row.note}" for row in rows if row.problem]
    return "\n".join(lines)


def markdown_table(rows: Sequence[Row]) -> str:
    """The table for the documentation."""
    lines = ["| what | compared | value | target | verdict |", "|---|---|---:|---:|---|"]
    for row in rows:
        remark = row.problem or row.note
        compared = f"{row.compares}. {remark}" if remark else row.compares
        verdict = f"**{row.verdict}**" if row.verdict == "short" else row.verdict
        lines.append(f"| {row.name} | {compared} | {shown_value(row)} | {shown_target(row)} | {verdict} |")
    return "\n".join(lines)


def markdown_shares(shares: Mapping[str, float]) -> str:
    """The profile for the documentation."""
    total = sum(shares.values()) or 1.0
    lines = ["| stage | share of the CPU time |", "|---|---:|"]
    return "\n".join([*lines, *(f"| {stage} | {100 * cpu_s / total:.1f} % |" for stage, cpu_s in shares.items())])


def markdown(document: Mapping[str, Any], findings: Findings) -> str:
    """The generated part of docs/performance.md."""
    machine = document["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    parts = [
        (
            f"Measured on {document['date'][:10]}: {machine['cpu']}, {machine['cores']} cores, "
            f"{machine['memory_gb']:.0f} GB, {machine['system']}; {versions}; model `{document['model']}`. "
            f"One run of `{document['command']}`, {document['took_s'] / 60:.0f} minutes."
        ),
        markdown_table([row for row in findings.rows if row.target is not None]),
        "![every figure, measured against its target](performance.svg)",
        "Figures that explain:",
        markdown_table([row for row in findings.rows if row.target is None]),
        "## How cost grows",
        "![cameras, viewers and picture sizes](performance-growth.svg)",
        *(f"- **{curve.name}**: {curve.note}" for curve in findings.curves if curve.note),
        "## Where the time goes",
        "![share of each stage](performance-profile.svg)",
        markdown_shares(findings.shares),
    ]
    return "\n\n".join(parts).replace("\n\n- **", "\n- **").replace("growth.svg)\n- **", "growth.svg)\n\n- **")


def insert(page: str, generated: str) -> str:
    """The page with what stands between the marks replaced.

    Raises:
        ValueError: the marks are not there, once each and in order.
    """
    if page.count(BEGIN_MARK) != 1 or page.count(END_MARK) != 1 or page.index(BEGIN_MARK) > page.index(END_MARK):
        raise ValueError(f"the page must hold {BEGIN_MARK} and then {END_MARK}, once each")
    before, rest = page.split(BEGIN_MARK)
    return f"{before}{BEGIN_MARK}\n\n{generated}\n\n{END_MARK}{rest.split(END_MARK)[1]}"


# --- for machines --------------------------------------------------------------------------------------------------


def as_json(findings: Findings) -> dict[str, Any]:
    """Plain data, verdicts included."""
    return {
        "rows": [
            asdict(row)
            | {"target": shown_target(row) or None, "bound": row.target and row.target.bound, "verdict": row.verdict}
            for row in findings.rows
        ],
        "curves": [asdict(curve) for curve in findings.curves],
        "shares_cpu_s": dict(findings.shares),
    }


def joined(all_findings: Iterable[Findings]) -> Findings:
    """Everything that was found, as one."""
    rows: list[Row] = []
    curves: list[Curve] = []
    shares: dict[str, float] = {}
    for one in all_findings:
        rows.extend(one.rows)
        curves.extend(one.curves)
        shares.update(one.shares)
    return Findings(rows, curves, shares)
