"""Static pictures: the SVG and the PNG, each read by a reader nobody wrote for them."""

import re
import struct
import zlib
from urllib.parse import quote
from xml.etree import ElementTree

import numpy as np
import pytest

from cnnlesson.drawing import (
    ACCENT,
    FILTER,
    INK,
    INPUT,
    MUTED,
    OUTPUT,
    PAPER,
    Drawing,
    contrast_ratio,
    text_width,
)
from cnnlesson.pictures import cat

SVG = "{http://www.w3.org/2000/svg}"


def decoded(png):
    """The pixels and the chunks of an 8-bit RGB PNG whose rows are filtered by none or up."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = [], 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", png, at + 8 + length) == (zlib.crc32(kind + data),)
        chunks.append((kind, data))
        at += 12 + length
    assert chunks[-1] == (b"IEND", b"")
    width, height, *form = struct.unpack(">IIBBBBB", dict(chunks)[b"IHDR"])
    assert form == [8, 2, 0, 0, 0]
    rows = np.frombuffer(zlib.decompress(dict(chunks)[b"IDAT"]), np.uint8).reshape(height, -1)
    pixels = np.zeros((height, width * 3), np.uint8)
    for y, (kind, *differences) in enumerate(rows):
        assert kind in (0, 2)
        above = pixels[y - 1] if kind == 2 and y else 0
        pixels[y] = np.array(differences, np.uint8) + above
    return pixels.reshape(height, width, 3), chunks


def example(words=True):
    drawing = Drawing(200, 120, "A filter", "Nine inputs, and what is made of them.")
    for cell in range(9):
        x, y = 10 + 24 * (cell % 3), 10 + 24 * (cell // 3)
        drawing.rectangle(x, y, 24, 24, fill=INPUT, stroke=INK, hatched=cell > 5)
    drawing.rectangle(20.5, 20.5, 60, 60, stroke=ACCENT, dashed=True)
    drawing.polygon([(100, 20), (140, 40), (110, 70)], fill=FILTER, stroke=INK)
    drawing.line(90, 80, 190, 110, stroke=OUTPUT, width=3)
    drawing.line(90, 110, 190, 80, stroke=MUTED, dashed=True)
    drawing.image(150, 10, cat(16, channels=3).transpose(1, 2, 0), 2)
    if words:
        drawing.text(10, 110, "3 × 3 = 9", size=13, bold=True)
    return drawing


def test_svg_has_a_text_alternative_and_paper():
    root = ElementTree.fromstring(example().svg())
    assert root.get("role") == "img"
    alternative = [root.find(SVG + "title"), root.find(SVG + "desc")]
    assert [part.text for part in alternative] == [
        "A filter",
        "Nine inputs, and what is made of them.",
    ]
    assert root.get("aria-labelledby").split() == [part.get("id") for part in alternative]
    assert root.find(SVG + "rect").attrib == {"width": "100%", "height": "100%", "fill": PAPER}


def test_equal_calls_give_equal_files_and_others_other_ids():
    assert example().svg() == example().svg()
    assert example().png() == example().png()
    ids = [set(re.findall('id="(.*?)"', example(words).svg())) for words in (True, False)]
    assert not ids[0] & ids[1]


def test_hostile_text_is_escaped():
    hostile = "</text><script>alert('\"&]]>')</script>\0\x1b\ud800\uffff"
    drawing = Drawing(90, 40, hostile, hostile)
    drawing.text(2, 20, hostile)
    root = ElementTree.fromstring(drawing.svg())
    assert {part.tag for part in root} == {SVG + name for name in ("title", "desc", "rect", "text")}
    kept = re.sub("[^ -~]", " ", hostile)
    assert [part.text for part in root if part.text] == [kept] * 3
    decoded(drawing.png())


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_png_has_the_size_and_the_colours(scale):
    pixels, chunks = decoded(example().png(scale))
    assert pixels.shape == (120 * scale, 200 * scale, 3)
    for (x, y), colour in {(2, 2): PAPER, (16, 16): INPUT, (115, 40): FILTER}.items():
        assert bytes(pixels[y * scale, x * scale]).hex() == colour[1:]
    words = [data for kind, data in chunks if kind == b"iTXt"]
    assert [data.split(b"\0")[0] for data in words] == [b"Title", b"Description"]
    assert words[0].endswith(b"\0A filter")


def test_an_image_keeps_its_numbers_and_stays_small():
    noise = np.random.default_rng(0).random((64, 64, 3))
    drawing = Drawing(64, 64, "Noise", "Colours by chance")
    drawing.image(0, 0, noise, 1)
    pixels, _ = decoded(drawing.png(1))
    assert (pixels == np.rint(noise * 255)).all()
    grey = Drawing(64, 64, "Cat", "A cat")
    grey.image(0, 0, cat(64)[0], 1)
    assert len(grey.svg()) < 40_000


@pytest.mark.parametrize("bold", [False, True])
@pytest.mark.parametrize("size", [8, 11, 13, 24])
@pytest.mark.parametrize("anchor", ["start", "middle", "end"])
def test_text_stays_within_its_box(size, bold, anchor):
    words = "Wj(0123) gyÅe\u0301 × · − … Σ ≤ → @ 漢"
    width = text_width(words, size, bold=bold)
    drawing = Drawing(1000, 100, "", "")
    drawing.text(500, 50, words, size=size, bold=bold, anchor=anchor)
    pixels, _ = decoded(drawing.png())
    rows, columns = np.nonzero((pixels < 250).any(axis=2))
    left = 500 - width * {"start": 0, "middle": 0.5, "end": 1}[anchor]
    assert left - 1 <= columns.min() / 2 <= columns.max() / 2 <= left + width + 1
    assert 50 - size <= rows.min() / 2 <= rows.max() / 2 <= 50 + 0.4 * size


def test_every_letter_is_drawn_and_no_two_alike():
    ascii_letters = [chr(code) for code in range(33, 127)]
    seen = {}
    for letter in [*ascii_letters, *"×·−…Σ≤≥≠→←²"]:
        drawing = Drawing(30, 30, "", "")
        drawing.text(8, 20, letter)
        seen.setdefault(decoded(drawing.png())[0].tobytes(), []).append(letter)
    assert [letters for letters in seen.values() if len(letters) > 1] == []
    unknown = Drawing(30, 30, "", "")
    unknown.text(8, 20, "漢")
    assert decoded(unknown.png())[0].tobytes() not in seen


def test_what_lies_outside_is_cut_off():
    drawing = Drawing(20, 20, "", "")
    drawing.rectangle(-50, -50, 20, 20, fill=INK)
    drawing.text(-20, 5, "far out, and further")
    drawing.text(5, 500, "below")
    drawing.line(-10, 10, 50, 10)
    pixels, _ = decoded(drawing.png(1))
    assert pixels.shape == (20, 20, 3)


@pytest.mark.parametrize("fill", [INPUT, FILTER, PAPER])
def test_ink_is_read_on_fills(fill):
    assert contrast_ratio(INK, fill) >= 4.5
    assert contrast_ratio("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("colour", [INK, ACCENT, MUTED])
def test_words_are_read_on_paper(colour):
    assert contrast_ratio(colour, PAPER) >= 4.5


@pytest.mark.parametrize(
    ("draw", "wrong"),
    [
        (lambda d: d.rectangle(0, 0, -3, 5), "width is -3"),
        (lambda d: d.rectangle(float("nan"), 0, 3, 5), "x is nan"),
        (lambda d: d.rectangle(0, 0, 3, 5, fill="mauve"), "'mauve'"),
        (lambda d: d.polygon([(0, 0), (1, 1), (0, 1)], fill=""), "''"),
        (lambda d: d.line(0, 0, float("inf"), 5), "x is inf"),
        (lambda d: d.line(0, 0, 1, 5, width=-1), "width is -1"),
        (lambda d: d.polygon([(0, 0), (1, 1)], fill=INK), "at least 3 points"),
        (lambda d: d.text(0, 0, "x", size=-2), "size is -2"),
        (lambda d: d.text(0, 0, "x", anchor="centre"), "'centre'"),
        (lambda d: d.text(0, 0, "x", fill="#12345"), "'#12345'"),
        (lambda d: d.image(0, 0, [[0.5, 1.5]], 3), "not 1.5"),
        (lambda d: d.image(0, 0, [[0.5, float("nan")]], 3), "not nan"),
        (lambda d: d.image(0, 0, [0.5], 3), r"\(1,\)"),
        (lambda _: Drawing(0, 5, "", ""), "width is 0"),
        (lambda d: d.png(scale=0), "scale is 0"),
    ],
)
def test_bad_input_is_refused_with_what_it_was(draw, wrong):
    with pytest.raises(ValueError, match=wrong):
        draw(Drawing(10, 10, "", ""))


@pytest.mark.browser
def test_chromium_sees_the_same(page):
    drawing = example(words=False)
    pixels = page.evaluate(
        """async (source) => {
            const image = new Image();
            image.src = source;
            await image.decode();
            const canvas = new OffscreenCanvas(400, 240).getContext("2d");
            canvas.drawImage(image, 0, 0, 400, 240);
            return Array.from(canvas.getImageData(0, 0, 400, 240).data);
        }""",
        "data:image/svg+xml," + quote(drawing.svg()),
    )
    theirs = np.array(pixels).reshape(240, 400, 4)[..., :3]
    difference = np.abs(theirs - decoded(drawing.png())[0])
    assert difference.mean() < 1
    assert (difference.max(axis=2) > 64).mean() < 0.005
