"""Static pictures: drawn once, written as SVG and as PNG, with NumPy alone.

They stand where a widget cannot: on a code host, in a notebook that is not trusted, on paper.
Equal calls give equal SVG on every machine, and equal PNG under the same zlib.
"""

import math
import re
import struct
import unicodedata
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from itertools import pairwise
from typing import Literal
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnlesson.settings import shown, whole

# Okabe and Ito's colours, which colour-blind readers tell apart; INK and ACCENT are read as text.
INK, PAPER, MUTED = "#1a1a1a", "#ffffff", "#666666"
INPUT, FILTER, OUTPUT, ACCENT = "#56b4e9", "#e69f00", "#009e73", "#0072b2"

Anchor = Literal["start", "middle", "end"]
_Point = tuple[float, float]
_Floats = NDArray[np.float64]
_Share = Callable[[_Floats, _Floats, _Floats], _Floats]  # of pixels that points cover

_DASH, _GAP = 4.0, 3.0
_HATCH_STEP, _HATCH_WIDTH = 6.0, 0.6


# --- Shapes ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rectangle:
    """A rectangle by its top left corner, perhaps with stripes that rise to the right."""

    x: float
    y: float
    width: float
    height: float
    fill: str | None
    stroke: str | None
    dashed: bool
    hatched: bool

    def corners(self) -> tuple[_Point, ...]:
        """Return the corners clockwise, the first one also last."""
        left, top, right, bottom = self.x, self.y, self.x + self.width, self.y + self.height
        return (left, top), (right, top), (right, bottom), (left, bottom), (left, top)

    def stripes(self) -> Iterator[tuple[_Point, _Point]]:
        """Cut the lines x + y = constant, which run on from cell to cell, to the rectangle."""
        left, top, right, bottom = self.x, self.y, self.x + self.width, self.y + self.height
        for number in range(
            math.floor((left + top) / _HATCH_STEP) + 1, math.ceil((right + bottom) / _HATCH_STEP)
        ):
            total = number * _HATCH_STEP
            start, end = max(left, total - bottom), min(right, total - top)
            yield (start, total - start), (end, total - end)


@dataclass(frozen=True)
class Line:
    """A straight line with blunt ends."""

    start: _Point
    end: _Point
    stroke: str
    width: float
    dashed: bool


@dataclass(frozen=True)
class Polygon:
    """A closed polygon; where it covers itself twice it is open (even-odd)."""

    points: tuple[_Point, ...]
    fill: str | None
    stroke: str | None


@dataclass(frozen=True)
class Text:
    """Words on a baseline; `x` is where they start, have their middle, or end."""

    x: float
    y: float
    words: str
    size: float
    fill: str
    anchor: Anchor
    bold: bool

    def left(self) -> float:
        """Return where the words start."""
        share = {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor]
        return self.x - share * text_width(self.words, self.size, bold=self.bold)


@dataclass(frozen=True)
class Image:
    """Numbers as coloured cells: rows of colours, and the side of a cell."""

    x: float
    y: float
    rows: tuple[tuple[str, ...], ...]
    cell: float


Shape = Rectangle | Line | Polygon | Text | Image


class Drawing:
    """Shapes over one another on white paper, measured in pixels from the top left corner.

    Args:
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        title: names the picture where it is not seen.
        description: says what it shows, for who does not see it.

    Raises:
        ValueError: by every method, if a size is negative, a number not finite or a colour not
            written as #rrggbb; the message repeats it.
    """

    def __init__(self, width: int, height: int, title: str, description: str) -> None:
        self.width = whole("width", width, at_least=1)
        self.height = whole("height", height, at_least=1)
        self.title, self.description = title, description
        self.shapes: list[Shape] = []

    def rectangle(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str | None = None,
        stroke: str | None = None,
        dashed: bool = False,
        hatched: bool = False,
    ) -> None:
        """Draw a rectangle; if hatched, with MUTED stripes that run on from cell to cell."""
        box = _number("x", x), _number("y", y), _size("width", width), _size("height", height)
        self.shapes.append(Rectangle(*box, _paint(fill), _paint(stroke), dashed, hatched))

    def line(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        *,
        stroke: str = INK,
        width: float = 1,
        dashed: bool = False,
    ) -> None:
        """Draw a line from (x1, y1) to (x2, y2)."""
        start, end = _point((x1, y1)), _point((x2, y2))
        self.shapes.append(Line(start, end, _colour(stroke), _size("width", width), dashed))

    def polygon(
        self,
        points: Iterable[Sequence[float]],
        *,
        fill: str | None = None,
        stroke: str | None = None,
    ) -> None:
        """Draw a polygon, closed from the last point to the first."""
        corners = tuple(map(_point, points))
        if len(corners) < 3:
            raise ValueError(f"a polygon needs at least 3 points, not {shown(corners)}")
        self.shapes.append(Polygon(corners, _paint(fill), _paint(stroke)))

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = 12,
        fill: str = INK,
        anchor: Anchor = "start",
        bold: bool = False,
    ) -> None:
        """Write words of `size` pixels on the baseline y; `text_width` tells how long they are."""
        if anchor not in ("start", "middle", "end"):
            raise ValueError(f"anchor is {shown(anchor)}, but must be start, middle or end")
        place = _number("x", x), _number("y", y)
        self.shapes.append(Text(*place, words, _size("size", size), _colour(fill), anchor, bold))

    def image(self, x: float, y: float, array: ArrayLike, cell: float) -> None:
        """Draw a grid (H, W) of greys or (H, W, 3) of colours, from 0 to 1, a cell per number."""
        values = np.asarray(array, np.float64)
        if values.ndim == 2:
            values = np.repeat(values[..., None], 3, axis=2)
        if values.ndim != 3 or values.shape[2] != 3:
            raise ValueError(f"an image is (H, W) or (H, W, 3), not {np.shape(array)}")
        if wrong := values[~((values >= 0) & (values <= 1))].tolist():
            raise ValueError(f"an image holds numbers from 0 to 1, not {wrong[0]}")
        rows = np.rint(values * 255).astype(np.uint8)
        colours = tuple(tuple(f"#{bytes(pixel).hex()}" for pixel in row) for row in rows)
        place = _number("x", x), _number("y", y)
        self.shapes.append(Image(*place, colours, _size("cell", cell)))

    def svg(self) -> str:
        """Write the picture as SVG, to stand in a page of its own or among others."""
        body = "\n".join(map(_svg, self.shapes))
        title, description = _escaped(self.title), _escaped(self.description)
        content = f"{self.width} {self.height} {title} {description} {body}"
        name = "d" + sha256(content.encode()).hexdigest()[:12]
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}" '
            f'viewBox="0 0 {self.width} {self.height}" role="img" '
            f'aria-labelledby="{name}-title {name}-desc" font-family="system-ui, sans-serif">\n'
            f'<title id="{name}-title">{title}</title>\n<desc id="{name}-desc">{description}'
            f'</desc>\n<rect width="100%" height="100%" fill="{PAPER}"/>\n{body}\n</svg>\n'
        )

    def markdown(self) -> str:
        """Write the picture as Markdown, SVG inside, with its description as text alternative."""
        picture = b64encode(self.svg().encode()).decode("ascii")
        return f"![{self.description.replace(']', ')')}](data:image/svg+xml;base64,{picture})"

    _repr_markdown_ = markdown

    def __repr__(self) -> str:
        return self.description

    def png(self, scale: int = 2) -> bytes:
        """Write the picture as PNG, with `scale` pixels to each of the drawing's."""
        scale = whole("scale", scale, at_least=1)
        canvas = _Canvas(self.width, self.height, scale)
        for shape in self.shapes:
            canvas.draw(shape)
        return _encoded(canvas.pixels, {"Title": self.title, "Description": self.description})


def text_width(words: str, size: float = 12, *, bold: bool = False) -> float:
    """Return how wide words are drawn, in pixels; SVG and PNG agree on it."""
    units = sum(_glyph(character)[1] for character in words)
    return units * _UNIT * size * (1.06 if bold else 1)


def contrast_ratio(first: str, second: str) -> float:
    """Return the contrast of two colours as WCAG 2 defines it, from 1 to 21."""
    lights = []
    for colour in (first, second):
        rgb = _rgb(_colour(colour)) / 255
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        lights.append(float(linear @ (0.2126, 0.7152, 0.0722)) + 0.05)
    return max(lights) / min(lights)


def _number(name: str, value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{name} is {value}, but must be a finite number")
    return float(value)


def _size(name: str, value: float) -> float:
    if _number(name, value) < 0:
        raise ValueError(f"{name} is {value}, but must not be negative")
    return float(value)


def _point(point: Sequence[float]) -> _Point:
    x, y = point
    return _number("x", x), _number("y", y)


def _colour(colour: str) -> str:
    if not (isinstance(colour, str) and re.fullmatch("#[0-9a-fA-F]{6}", colour)):
        raise ValueError(f"a colour is written #rrggbb, as in {ACCENT}, not {shown(colour)}")
    return colour.lower()


def _paint(colour: str | None) -> str | None:
    return None if colour is None else _colour(colour)


def _rgb(colour: str) -> _Floats:
    return np.array(list(bytes.fromhex(colour[1:])), np.float64)


# --- SVG -------------------------------------------------------------------------------------


def _svg(shape: Shape) -> str:
    match shape:
        case Rectangle():
            box = f'x="{_n(shape.x)}" y="{_n(shape.y)}" '
            box += f'width="{_n(shape.width)}" height="{_n(shape.height)}"'
            outline = _svg_stroke(shape.stroke, dashed=shape.dashed)
            plain = f'<rect {box} fill="{shape.fill or "none"}"{outline}/>'
            if not shape.hatched:
                return plain
            path = "".join(
                f"M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}" for (x1, y1), (x2, y2) in shape.stripes()
            )
            return f'{plain}<path d="{path}"{_svg_stroke(MUTED, _HATCH_WIDTH)}/>'
        case Line(start=(x1, y1), end=(x2, y2)):
            ends = f'x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}"'
            return f"<line {ends}{_svg_stroke(shape.stroke, shape.width, dashed=shape.dashed)}/>"
        case Polygon():
            points = " ".join(f"{_n(x)},{_n(y)}" for x, y in shape.points)
            return (
                f'<polygon points="{points}" fill="{shape.fill or "none"}" fill-rule="evenodd" '
                f'stroke-linejoin="round"{_svg_stroke(shape.stroke)}/>'
            )
        case Text():
            # The width is given, so that words fit their box in whatever font the reader has.
            width = text_width(shape.words, shape.size, bold=shape.bold)
            weight = ' font-weight="bold"' if shape.bold else ""
            return (
                f'<text x="{_n(shape.x)}" y="{_n(shape.y)}" font-size="{_n(shape.size)}"{weight} '
                f'fill="{shape.fill}" text-anchor="{shape.anchor}" textLength="{_n(width)}" '
                f'lengthAdjust="spacingAndGlyphs">{_escaped(shape.words)}</text>'
            )
        case Image():
            return _svg_image(shape)


def _svg_image(image: Image) -> str:
    """Draw each run of equal cells as a line one cell thick, and all runs of a colour as one."""
    runs: dict[str, str] = {}
    for y, row in enumerate(image.rows):
        x = 0
        while x < len(row):
            end = next((i for i in range(x, len(row)) if row[i] != row[x]), len(row))
            runs[row[x]] = runs.get(row[x], "") + f"M{x} {y}h{end - x}"
            x = end
    place = f"translate({_n(image.x)} {_n(image.y)}) scale({_n(image.cell)}) translate(0 .5)"
    paths = "".join(f'<path stroke="{colour}" d="{path}"/>' for colour, path in runs.items())
    return f'<g transform="{place}" shape-rendering="crispEdges">{paths}</g>'


def _svg_stroke(colour: str | None, width: float = 1, *, dashed: bool = False) -> str:
    if colour is None:
        return ""
    thick = "" if width == 1 else f' stroke-width="{_n(width)}"'
    dashes = f' stroke-dasharray="{_n(_DASH)} {_n(_GAP)}"' if dashed else ""
    return f' stroke="{colour}"{thick}{dashes}'


def _n(number: float) -> str:
    return f"{round(number, 2) + 0.0:.2f}".rstrip("0").rstrip(".")


def _escaped(words: str) -> str:
    """Escape what XML means otherwise, and put a space for what it cannot hold."""
    return escape(re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", " ", words))


# --- PNG -------------------------------------------------------------------------------------


class _Canvas:
    """Pixels, painted by the share of each that a shape covers."""

    def __init__(self, width: int, height: int, scale: int) -> None:
        self.scale = scale
        self.pixels: _Floats = np.empty((height * scale, width * scale, 3))
        self.pixels[:] = _rgb(PAPER)

    def draw(self, shape: Shape) -> None:
        match shape:
            case Rectangle():
                self._rectangle(shape)
            case Line():
                for start, end in _dashes([shape.start, shape.end], dashed=shape.dashed):
                    self._line(start, end, shape.stroke, shape.width)
            case Polygon():
                points = np.array(shape.points) * self.scale
                if shape.fill:
                    self._cover(points, 0, _inside, shape.fill)
                if shape.stroke:
                    outline = np.concatenate([points, points[:1]])
                    half = self.scale / 2
                    self._cover(outline, half, lambda x, y, p: _near(x, y, [p], half), shape.stroke)
            case Text():
                self._text(shape)
            case Image(cell=cell):
                for y, row in enumerate(shape.rows):
                    for x, colour in enumerate(row):
                        left, top = shape.x + x * cell, shape.y + y * cell
                        self._box(left, top, left + cell, top + cell, colour)

    def _rectangle(self, shape: Rectangle) -> None:
        (left, top), _, (right, bottom), *_ = shape.corners()
        if shape.fill:
            self._box(left, top, right, bottom, shape.fill)
        if shape.stroke and shape.dashed:
            for start, end in _dashes(shape.corners(), dashed=True):
                self._line(start, end, shape.stroke, 1)
        elif shape.stroke:
            for y in (top, bottom):
                self._box(left - 0.5, y - 0.5, right + 0.5, y + 0.5, shape.stroke)
            for x in (left, right):
                self._box(x - 0.5, top + 0.5, x + 0.5, bottom - 0.5, shape.stroke)
        if shape.hatched:
            for start, end in shape.stripes():
                self._line(start, end, MUTED, _HATCH_WIDTH)

    def _box(self, left: float, top: float, right: float, bottom: float, colour: str) -> None:
        corners = np.array([(left, top), (right, bottom)]) * self.scale

        def share(x: _Floats, y: _Floats, points: _Floats) -> _Floats:
            (x0, y0), (x1, y1) = points
            return _overlap(x, x0, x1) * _overlap(y, y0, y1)

        self._cover(corners, 0, share, colour)

    def _line(self, start: _Point, end: _Point, colour: str, width: float) -> None:
        points = np.array([start, end]) * self.scale
        half = width * self.scale / 2
        length = float(np.hypot(*(points[1] - points[0])))
        if length == 0:
            return
        dx, dy = (points[1] - points[0]) / length

        def share(x: _Floats, y: _Floats, points: _Floats) -> _Floats:
            x, y = x - points[0, 0], y - points[0, 1]
            return _overlap(x * dx + y * dy, 0, length) * _overlap(y * dx - x * dy, -half, half)

        self._cover(points, half, share, colour)

    def _text(self, text: Text) -> None:
        em = text.size * self.scale
        unit = em * _UNIT * (1.06 if text.bold else 1)
        half = em * (0.062 if text.bold else 0.044)
        pen, baseline = text.left() * self.scale, round(text.y * self.scale)
        for character in text.words:
            if _glyph(character)[0]:
                coverage, left, top = _glyph_coverage(character, unit, em * _UNIT, half)
                self._blend(round(pen) + left, baseline + top, coverage, text.fill)
            pen += _glyph(character)[1] * unit

    def _cover(self, points: _Floats, margin: float, share: _Share, colour: str) -> None:
        low = np.floor(points.min(axis=0) - margin - 1).astype(int)
        high = np.ceil(points.max(axis=0) + margin + 1).astype(int)
        height, width, _ = self.pixels.shape
        (left, top), (right, bottom) = np.clip([low, high], 0, [width, height])
        if left < right and top < bottom:
            x, y = np.arange(left, right) + 0.5, np.arange(top, bottom)[:, None] + 0.5
            self._blend(left, top, share(x, y, points), colour)

    def _blend(self, left: int, top: int, coverage: _Floats, colour: str) -> None:
        rows, columns = coverage.shape
        under = self.pixels[max(top, 0) : max(top + rows, 0), max(left, 0) : max(left + columns, 0)]
        seen = coverage[max(-top, 0) :, max(-left, 0) :][: len(under), : under.shape[1], None]
        under += (_rgb(colour) - under) * seen


def _overlap(at: _Floats, low: float, high: float) -> _Floats:
    """Return how much of [at - 1/2, at + 1/2] lies between low and high."""
    share: _Floats = np.minimum(at + 0.5, high) - np.maximum(at - 0.5, low)
    return share.clip(0, 1)


def _inside(x: _Floats, y: _Floats, points: _Floats) -> _Floats:
    """Return the share of each pixel inside a polygon, from 4 x 4 points in it."""
    steps = (np.arange(4) - 1.5) / 4
    share = np.zeros(np.broadcast_shapes(x.shape, y.shape))
    for sample_x, sample_y in ((x + i, y + j) for i in steps for j in steps):
        inside = np.zeros(share.shape, bool)
        for (x1, y1), (x2, y2) in pairwise(np.concatenate([points, points[:1]])):
            if y1 != y2:
                crossing = x1 + (sample_y - y1) * (x2 - x1) / (y2 - y1)
                inside ^= ((y1 <= sample_y) != (y2 <= sample_y)) & (sample_x < crossing)
        share += inside / 16
    return share


def _near(x: _Floats, y: _Floats, strokes: Sequence[_Floats], half: float) -> _Floats:
    """Return the share of each pixel within `half` of a stroke, whose ends are round."""
    nearest = np.full(np.broadcast_shapes(x.shape, y.shape), np.inf)
    for stroke in strokes:
        dot = 0.4 * half if (stroke == stroke[0]).all() else 0  # or it would look faint
        for (x1, y1), (x2, y2) in pairwise(stroke):
            dx, dy = x2 - x1, y2 - y1
            along = ((x - x1) * dx + (y - y1) * dy) / ((dx * dx + dy * dy) or 1)
            along = np.clip(along, 0, 1)
            nearest = np.minimum(nearest, np.hypot(x - x1 - along * dx, y - y1 - along * dy) - dot)
    return np.clip(half + 0.5 - nearest, 0, 1)


def _dashes(points: Sequence[_Point], *, dashed: bool) -> Iterator[tuple[_Point, _Point]]:
    """Cut a path into its dashes, which run on around corners."""
    walked = 0.0
    for (x1, y1), (x2, y2) in pairwise(points):
        length = math.hypot(x2 - x1, y2 - y1)
        if not dashed:
            yield (x1, y1), (x2, y2)
        elif length:
            first = -(walked % (_DASH + _GAP))
            for at in np.arange(first, length, _DASH + _GAP):
                a, b = max(at, 0) / length, min(at + _DASH, length) / length
                if b > a:
                    yield (
                        (x1 + a * (x2 - x1), y1 + a * (y2 - y1)),
                        (x1 + b * (x2 - x1), y1 + b * (y2 - y1)),
                    )
        walked += length


def _encoded(pixels: _Floats, words: dict[str, str]) -> bytes:
    """Write 8-bit RGB as PNG, each row as its difference from the one above."""
    values = np.rint(pixels).astype(np.uint8)
    height, width, _ = values.shape
    rows = values.reshape(height, -1)
    above = np.concatenate([np.zeros_like(rows[:1]), rows[:-1]])
    filtered = np.concatenate([np.full((height, 1), 2, np.uint8), rows - above], axis=1)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))]
    for keyword, text in words.items():  # iTXt, since tEXt has no letters beyond Latin-1
        clean = text.replace("\0", " ").encode(errors="replace")
        chunks.append((b"iTXt", keyword.encode() + b"\0\0\0\0\0" + clean))
    chunks += [(b"IDAT", zlib.compress(filtered.tobytes(), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


# --- Letters ---------------------------------------------------------------------------------

_UNIT = 0.12  # of the font's size: a capital letter is 6 units high
_BASELINE = 2

# A letter is strokes; a stroke is points, a digit for x and one for y, and ~ makes it a curve
# that has the points between for control points, as a quadratic B-spline has.
_STROKES = r"""
A 022842 1434  B 0208 ~082848452505 ~052545422202  C ~47480805024243
D 0208 ~08284845422202  E 38080232 0535  F 380802 0525  G ~47480805024245 4525
H 0208 4248 0545  I 0208  J ~3834320203  K 0208 4804 1542  L 080232  M 0208244842
N 02084248  O ~02525558080502  P 0208 ~082848442404  Q ~02525558080502 3451
R 0208 ~082848452505 2542  S ~4748080545420203  T 0848 2228  U ~080402424448
V 082248  W 0812263248  X 0248 0842  Y 082548 2522  Z 08480242
a ~0232360602 3632  b 0208 ~0232360602  c ~353606023233  d ~0232360602 3832
e 0434 ~343606023233  f ~281816 1612 0626  g ~0232360602 ~3632300001
h 0208 ~0406363432  i 0206 0808  j ~16121000 1818  k 0208 3604 1432  l ~08030212
m 0206 ~0406262422 ~2426464442  n 0206 ~0406363432  o ~0232360602
p 0006 ~0232360602  q ~0232360602 3630  r 0206 ~040626  s ~3536060434320203
t ~17131222 0626  u ~0604023234 3632  v 062246  w 0612253246  x 0236 0632
y 4610 0622  z 06360232
0 ~02424548080502  1 062822 0242  2 ~0708484502 0242  3 ~0708484515 ~1545420203
4 32380444  5 480805 ~051646420203  6 ~0242460602 ~47480804  7 084812
8 ~0545480805 ~0242450502  9 ~4808044448 ~03024246
. 0202  , 1201  : 0202 0505  ; 1201 1515  ! 0804 0202  ? ~070838351514 1212
' 0806  " 0806 2826  ( ~19060411  ) ~09161401  [ 19090111  ] 09191101
{ ~29191505 ~05151121  } ~09191525 ~25151101  / 0139  \ 0931  | 0901  - 0525  _ 0141
+ 0545 2327  = 0444 0646  * 2428 0547 0745  < 470543  > 074503  ^ 062846  ` 0817
~ ~0406254446  # 1218 3238 0444 0646  % 0248 ~0616180806 ~3242443432
& ~420608282604023244  $ ~4748080545420203 2129  @ ~510105095955534347 ~2343472723
× 0336 0633  · 0505  − 0545  – 0535  — 0565  … 0202 2222 4242  Σ 4808250242
≤ 480644 0343  ≥ 084604 0343  ≠ 0444 0646 1337  → 0565 476543  ← 0565 270523
² ~0709292705 0525  ’ 1807
"""


@cache
def _font() -> dict[str, list[str]]:
    entries = re.split(r"\s*\n|  ", _STROKES.strip())
    return {entry[0]: entry[2:].split(" ") for entry in entries}


@lru_cache(maxsize=512)
def _glyph(character: str) -> tuple[list[_Floats], float]:
    """Return a character's strokes and how far the next stands; an empty box if unknown."""
    if character.isspace():
        return [], 2.4
    if unicodedata.combining(character):
        return [], 0
    font = _font()
    if character not in font:
        character = unicodedata.normalize("NFKD", character)[0]
    strokes = [_curve(stroke) for stroke in font.get(character, ["0232380802"])]
    left = 0.85  # half the space between two letters, from stroke to stroke
    width = max(float(stroke[:, 0].max()) for stroke in strokes)
    return [stroke + np.array([left, -_BASELINE]) for stroke in strokes], width + 2 * left


def _curve(stroke: str) -> _Floats:
    digits = stroke.removeprefix("~")
    points = np.array([(int(x), int(y)) for x, y in zip(*[iter(digits)] * 2, strict=True)], float)
    if not stroke.startswith("~"):
        return points
    middles = (points[:-1] + points[1:]) / 2
    if (points[0] == points[-1]).all():
        ends, controls = np.concatenate([middles, middles[:1]]), points[1:]
    else:
        ends = np.concatenate([points[:1], middles[1:-1], points[-1:]])
        controls = points[1:-1]
    t = np.linspace(0, 1, 7)[:, None]
    return np.concatenate(
        [
            (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end
            for (start, end), control in zip(pairwise(ends), controls, strict=True)
        ]
    )


@lru_cache(maxsize=1024)
def _glyph_coverage(
    character: str, wide: float, high: float, half: float
) -> tuple[_Floats, int, int]:
    """Return the share of each pixel that a character covers, and where it starts."""
    strokes = [stroke * (wide, -high) for stroke in _glyph(character)[0]]
    points = np.concatenate(strokes)
    left, top = np.floor(points.min(axis=0) - half - 1).astype(int)
    right, bottom = np.ceil(points.max(axis=0) + half + 1).astype(int)
    x, y = np.arange(left, right) + 0.5, np.arange(top, bottom)[:, None] + 0.5
    return _near(x, y, strokes, half), int(left), int(top)
