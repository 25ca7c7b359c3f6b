"""SVG as PNG, with our own typeface alone, so that a picture is the same on every machine."""

import resvg_py

from bot.drawing.fonts import FAMILY, FILES

WIDTH_PIXELS = 1080
"""What phones show sharp at full width."""


def png(svg: str) -> bytes:
    """Draw an SVG, WIDTH_PIXELS wide. Raises ValueError for what is no SVG. Holds the processor for some 50 ms."""
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg,
            width=WIDTH_PIXELS,
            skip_system_fonts=True,
            font_files=[str(path) for path in FILES.values()],
            font_family=FAMILY,
            sans_serif_family=FAMILY,
        )
    )
