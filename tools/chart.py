"""Make the chart of the first ten minutes: by how many per cent payments of the sample moved between its releases.

Usage: python -m tools.chart [FILE]      default docs/changes.svg
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

import polars as pl

import pfsetl
from pfsetl.cli import samples

FILE = Path(__file__).parents[1] / "docs" / "changes.svg"
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 740, 300, 20, 62, 46
LEAST, MOST = -12, 16  # per cent; what moved further is in the first and the last bar
STYLE = (
    "text { font: 14px system-ui, sans-serif; fill: #1b2a2f } .title { font-size: 17px; font-weight: 600 } "
    ".less { fill: #c08a3e } .more { fill: #0f766e } .axis { stroke: #8a9a9f } .quiet { fill: #56676d } "
    "@media (prefers-color-scheme: dark) { text { fill: #e6eef0 } .more { fill: #4fb3a9 } .quiet { fill: #a8b7bc } }"
)


def main(file: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for path in samples.archives():
            pfsetl.build(path.stem, store=pfsetl.open_store(folder), archive=path, sample=True)
        file.write_text(chart(pfsetl.open(folder)), encoding="utf-8")
    print(f"{file}: {file.stat().st_size:,} bytes")


def chart(version: pfsetl.Version) -> str:
    """Return the chart of the sample's two releases as SVG, a bar for each per cent."""
    percent = changes(version)
    bars = Counter(min(max(int(one // 1), LEAST), MOST - 1) for one in percent)
    wide, high = (WIDTH - 2 * LEFT) / (MOST - LEAST), (HEIGHT - TOP - BOTTOM) / max(bars.values())
    base = HEIGHT - BOTTOM
    more = sum(one > 0 for one in percent)
    title = f"Of {len(percent)} Level II codes, {more} pay more in RVU26A than in RVU25D"
    drawn = [
        f'<rect class="{"more" if low >= 0 else "less"}" x="{LEFT + (low - LEAST) * wide + 1:.1f}" '
        f'y="{base - count * high:.1f}" width="{wide - 2:.1f}" height="{count * high:.1f}"/>'
        for low, count in sorted(bars.items())
    ]
    ticks = [
        f'<text class="quiet" text-anchor="middle" x="{LEFT + (at - LEAST) * wide:.1f}" y="{base + 20}">{name}</text>'
        for at, name in ((-10, "&#8722;10 %"), (-5, "&#8722;5 %"), (0, "0"), (5, "+5 %"), (10, "+10 %"), (15, "+15 %"))
    ]
    zero = LEFT - LEAST * wide
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">',
            f"<style>{STYLE}</style>",
            f'<text class="title" x="{LEFT}" y="26">{title}</text>',
            f'<text class="quiet" x="{LEFT}" y="48">Codes by the change of their non-facility payment</text>',
            *drawn,
            f'<line class="axis" x1="{zero:.1f}" x2="{zero:.1f}" y1="{TOP - 6}" y2="{base}"/>',
            f'<line class="axis" x1="{LEFT}" x2="{WIDTH - LEFT}" y1="{base}" y2="{base}"/>',
            *ticks,
            "</svg>\n",
        ]
    )


def changes(version: pfsetl.Version) -> list[float]:
    """Return by how many per cent each code's payment outside a facility moved, from `code_history`."""
    rows = version.scan("code_history").filter(
        pl.col("modifier") == "", pl.col("participant") != "qp", pl.col("standing") == "in_force"
    )
    now, change = (pl.col(name).cast(pl.Float64) for name in ("nonfacility_payment", "nonfacility_change"))
    moved = rows.filter(now > change).select(100 * change / (now - change))
    return moved.collect().to_series().sort().to_list()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FILE)
