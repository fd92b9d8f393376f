"""How charts look, wherever they stand: one palette, one type scale, light and dark.

Belongs here: the theme, and a chart as SVG, as PNG and as a specification for the browser. Does not
belong here: what a chart shows (its report).
"""

import copy
import re
from datetime import date, datetime
from typing import Any

from assets.reports.content import Chart, PublishInfo, Value

#: colours that also those tell apart who see no red or green (after Okabe and Ito 2008), darkened
#: to stand out on white, and for the dark lightened; by name, as the page calls them
PALETTE = {
    "c1": "#0b5f7a",
    "c2": "#c05a00",
    "c3": "#5b3a8e",
    "c4": "#2e7d4f",
    "c5": "#a31545",
    "c6": "#6b6b00",
}
# paper is all but white, so that it is told from the white that others draw
LIGHT = {**PALETTE, "ink": "#1b2430", "quiet": "#56616f", "line": "#d9dee5", "paper": "#fffffe"}
DARK = {
    "c1": "#6cc4e4",
    "c2": "#ffa552",
    "c3": "#c0a3ff",
    "c4": "#7ed6a0",
    "c5": "#ff8fb0",
    "c6": "#d6d066",
    "ink": "#e6eaf0",
    "quiet": "#a8b3c0",
    "line": "#39434f",
    "paper": "#151a21",
}
INK, QUIET, LINE, PAPER = (LIGHT[name] for name in ("ink", "quiet", "line", "paper"))
#: what stands for each in a page that has a light and a dark set of them
VARIABLES = {colour: f"var(--{name})" for name, colour in LIGHT.items()}
#: of a chart in pixels: of half the page's width, and of a telephone's or half a sheet
WIDE, NARROW, HEIGHT = 592, 330, 240
FONT = "system-ui, -apple-system, Segoe UI, Roboto, sans-serif"


def variables() -> str:
    """CSS that gives the page's variables their colours, light and dark; paper is always light."""
    light, dark = (
        f":root {{ {'; '.join(f'--{name}: {colour}' for name, colour in colours.items())} }}"
        for colours in (LIGHT, DARK)
    )
    return f"{light}\n@media screen and (prefers-color-scheme: dark) {{ {dark} }}\n"


def _config() -> dict[str, Any]:
    first, *_ = PALETTE.values()
    label = {"labelColor": QUIET, "titleColor": QUIET, "labelFontSize": 12, "titleFontSize": 12}
    return {
        "background": None,
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            **label,
            "titleFontWeight": "normal",
            "gridColor": LINE,
            "domainColor": LINE,
            "tickColor": LINE,
            "labelPadding": 6,
            "labelOverlap": True,
            "labelSeparation": 8,
        },
        "axisX": {"grid": False},
        # its title lies over the plot, since at the side it would stand on end, and on the labels
        "axisY": {
            "domain": False,
            "ticks": False,
            "titleAngle": 0,
            "titleAlign": "left",
            "titleAnchor": "end",
            "titleBaseline": "bottom",
            "titleX": 0,
            "titleY": -8,
        },
        "legend": {
            **label,
            "orient": "top",
            "title": None,
            "symbolType": "circle",
            "offset": 26,
            "columnPadding": 22,
        },
        "title": {"color": INK},
        "header": label,
        "range": {"category": list(PALETTE.values())},
        "mark": {"color": first},
        "line": {"strokeWidth": 2, "color": first},
        "point": {"size": 45, "filled": True, "color": first},
        "bar": {"color": first},
        "area": {"color": first, "opacity": 0.25},
        "rule": {"color": QUIET},
        "tick": {"color": first},
        "text": {"color": INK, "fontSize": 12},
    }


def spec_with_rows(chart: Chart, width: int = WIDE) -> dict[str, Any]:
    """The whole Vega-Lite specification: theme, size and rows.

    Args:
        width: of the plot in pixels; a chart of several views keeps the sizes it has.
    """
    spec = copy.deepcopy(chart.spec)
    spec["datasets"] = {
        "rows": [dict(zip(chart.columns, map(_json, row), strict=True)) for row in chart.rows]
    }
    spec["config"] = _config()
    is_narrow = width < WIDE
    if is_narrow:  # more would stand beside the chart, where a telephone ends
        spec["config"]["legend"]["columns"] = 2
    # letters may be wider where it is shown than where it was measured, and a sheet ends beside it
    left = 32 if is_narrow else 16
    spec.setdefault("padding", {"left": left, "top": 6, "right": 10, "bottom": 6})
    if "mark" in spec or "layer" in spec:
        spec["width"] = width
        if not isinstance(spec.get("height"), dict):  # a step per value
            spec["height"] = spec.get("height", HEIGHT)
        spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    return spec


def _json(value: Value) -> Value:
    if isinstance(value, datetime):
        return value.isoformat()
    # with its midnight, or a browser west of Greenwich shows the day before
    return f"{value}T00:00:00" if isinstance(value, date) else value


def static_svg(chart: Chart, name: str, width: int = WIDE) -> str:
    """The chart as an SVG element in which colours are the variables of the page.

    Args:
        name: makes its ids those of no other chart.
    """
    import vl_convert

    svg = vl_convert.vegalite_to_svg(spec_with_rows(chart, width))
    # one picture, which its label tells, and not a hundred of their own
    svg = re.sub(r' (?:role|aria-[a-z]+)="[^"]*"(?=[^<>]*>)', "", svg)
    svg = re.sub(r"(\d\.\d\d)\d+(?=[^<>]*>)", r"\1", svg)  # a hundredth of a pixel is enough
    svg = re.sub(r'\b(id="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, variable)
    return svg


def png(chart: Chart, info: PublishInfo, scale: float = 2) -> bytes:
    """The chart as a picture on white; for mail at twice its size."""
    import vl_convert

    spec = spec_with_rows(chart)
    spec["config"]["background"] = "#ffffff"
    return vl_convert.vegalite_to_png(spec, scale=scale)
