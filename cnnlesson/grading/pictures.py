"""Which pictures a page may show: those that take no more to draw than they seem to.

A browser keeps four bytes for each pixel, however few the file has for it, and a drawing in SVG
can repeat its parts in each other: 40 KB of PNG took a tab of Chromium 1.1 GB, and 2 KB of SVG
ended it.
"""

import struct
from base64 import b64decode
from xml.etree import ElementTree

PIXELS = 30_000_000
"""Pixels that all pictures of a page may have together; a screen has some eight million."""

DRAWING = 200_000
"""Bytes that a drawing in SVG may have."""

NESTING = 20
"""Elements of a drawing that may lie in each other."""

PASSES = 32
"""How often a JPEG may go over its pixels, to show them ever sharper; ten times is usual."""

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"

SHOWN = {"image/png": _PNG, "image/jpeg": _JPEG}
"""What an output may hold, and how the bytes of each kind begin."""

ATTACHED = {**SHOWN, "image/gif": b"GIF8", "image/webp": b"RIFF"}
"""What may stay attached to a text in a notebook: JupyterLab attaches what is pasted there."""

_SIZES_OF_JPEG = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_SVG = "{http://www.w3.org/2000/svg}"
# Shapes and words. Not what repeats, fills with patterns, blurs, moves, or is of another language.
_SHAPES = """
    svg g rect circle ellipse line polyline polygon path text tspan title desc
"""
_ATTRIBUTES = """
    x y dx dy x1 y1 x2 y2 cx cy r rx ry d points width height viewBox preserveAspectRatio version
    transform fill fill-rule fill-opacity stroke stroke-width stroke-linecap stroke-linejoin
    stroke-opacity shape-rendering font-family font-size font-style font-weight text-anchor
    dominant-baseline textLength lengthAdjust id role aria-label aria-labelledby
"""
_KNOWN = frozenset(f"{_SVG}{name}" for name in _SHAPES.split()), frozenset(_ATTRIBUTES.split())


def is_picture(kind: str, encoded: object) -> bool:
    """Whether something is the base64 of bytes that begin as a kind of picture does.

    Args:
        kind: a MIME type.
        encoded: anything.
    """
    if kind not in ATTACHED or not isinstance(encoded, str):
        return False
    try:
        decoded = b64decode("".join(encoded.split()), validate=True)
    except ValueError:
        return False
    return decoded.startswith(ATTACHED[kind])


def pixels(picture: bytes) -> int | None:
    """Return how many pixels a picture has; of a drawing 0, since it is drawn as large as it shows.

    Args:
        picture: the bytes of a file, which say what it is: browsers do not ask what it is called.

    Returns:
        None if it is no PNG, JPEG or SVG, if it moves, or takes longer to draw than it seems to.
    """
    if picture.startswith(_PNG):
        return _pixels_of_png(picture)
    if picture.startswith(_JPEG):
        return _pixels_of_jpeg(picture)
    return 0 if _is_plain_drawing(picture) else None


def _pixels_of_png(picture: bytes) -> int | None:
    # Every PNG begins with this chunk; "acTL" is in those that move.
    if picture[12:16] != b"IHDR" or len(picture) < 24 or b"acTL" in picture:
        return None
    width, height = struct.unpack_from(">II", picture, 16)
    return int(width * height)


def _pixels_of_jpeg(picture: bytes) -> int | None:
    """Go from segment to segment to the one with the size, as ITU-T T.81, annex B, has them."""
    if picture.count(b"\xff\xda") > PASSES:
        return None
    place = 2
    while place + 9 <= len(picture) and picture[place] == 0xFF:
        kind, length = picture[place + 1], int.from_bytes(picture[place + 2 : place + 4])
        if kind in _SIZES_OF_JPEG:
            height, width = struct.unpack_from(">HH", picture, place + 5)
            return int(width * height) or None
        if kind < 0xC0 or 0xD0 <= kind <= 0xDA or kind == 0xFF:
            return None
        place += 2 + length
    return None


def _is_plain_drawing(picture: bytes) -> bool:
    if len(picture) > DRAWING:
        return False
    try:
        text = picture.decode()
        # A definition could say things many times over before a parser has looked at them.
        if "<!" in text or "<?" in text:
            return False
        root = ElementTree.fromstring(text)
    except (UnicodeDecodeError, ElementTree.ParseError):
        return False
    if root.tag != f"{_SVG}svg":
        return False
    shapes, attributes = _KNOWN
    open_ = [(root, 1)]
    while open_:
        element, depth = open_.pop()
        if element.tag not in shapes or set(element.keys()) - attributes or depth > NESTING:
            return False
        open_ += [(inner, depth + 1) for inner in element]
    return True
