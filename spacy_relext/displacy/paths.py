"""Numbers and paths of SVG, as short as they can be: a picture is mostly made of them."""

from collections.abc import Sequence
from functools import lru_cache

Point = tuple[float, float]
CORNER = 5.0


@lru_cache(maxsize=1 << 14)
def number(value: float) -> str:
    """A number with one decimal at the most."""
    tenths = round(value * 10)
    return str(tenths // 10) if tenths % 10 == 0 else str(tenths / 10)


def rounded(points: Sequence[Point], radius: float = CORNER) -> str:
    """A path along horizontal and vertical lines, one after the other, with rounded corners."""
    way = [points[0]]
    for point in points[1:]:
        if abs(point[0] - way[-1][0]) + abs(point[1] - way[-1][1]) > 0.05:
            way.append(point)
    path = [f"M{number(way[0][0])} {number(way[0][1])}"]
    for k in range(1, len(way)):
        (x0, y0), (x1, y1) = way[k - 1], way[k]
        level = y0 == y1
        if k + 1 == len(way):
            path.append(f"H{number(x1)}" if level else f"V{number(y1)}")
            continue
        x2, y2 = way[k + 1]
        if (y1 == y2) == level:
            continue  # straight on, or back the same way
        size = abs(x1 - x0) + abs(y1 - y0), abs(x2 - x1) + abs(y2 - y1)
        cut = min(radius, size[0] / 2, size[1] / 2)
        if level:
            right, down = x1 > x0, y2 > y1
            path.append(f"H{number(x1 - cut if right else x1 + cut)}")
        else:
            right, down = x2 > x1, y1 > y0
            path.append(f"V{number(y1 - cut if down else y1 + cut)}")
        path.append(_corner(level, right, down, cut))
    return "".join(path)


@lru_cache(maxsize=1 << 10)
def _corner(level: bool, right: bool, down: bool, cut: float) -> str:
    """From a horizontal, if it is level, into a vertical, or the other way round."""
    x, y = number(cut if right else -cut), number(cut if down else -cut)
    return f"q{x} 0 {x} {y}" if level else f"q0 {y} {x} {y}"


def horizontal(begin: float, end: float, y: float) -> str:
    """A path from left to right; empty if there is none."""
    return f"M{number(begin)} {number(y)}H{number(end)}" if end > begin else ""


def arrowhead(x: float, y: float) -> str:
    """A path of an arrowhead that points down to a place."""
    return f"M{number(x)} {number(y + 1)}l-3.4-6.2h6.8z"


def dot(x: float, y: float, radius: float) -> str:
    """A path of a circle that stands on a place."""
    size, across = number(radius), number(2 * radius)
    return f"M{number(x - radius)} {number(y - 1)}a{size} {size} 0 1 0 {across} 0a{size} {size} 0 1 0 -{across} 0"
