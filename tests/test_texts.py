"""The texts of the repository: headings, pictures, links. Those of the site are in test_site.py."""

import re
import urllib.request
from itertools import pairwise
from urllib.error import HTTPError, URLError

import pytest
from course import ROOT
from links import is_external, leads_nowhere, links, prose

FOLDERS = ("", "docs/", "docs/*/", "benchmarks/", "notebooks/", "source/*/", "release/*/")
TEXTS = sorted(
    path
    for folder in FOLDERS
    for suffix in ("md", "ipynb")
    for path in ROOT.glob(f"{folder}*.{suffix}")
)
EXTERNAL = sorted({link for path in TEXTS for link in links(path) if is_external(link)})
PATIENCE = 30  # seconds


def test_links_and_places_are_found(tmp_path):
    text = tmp_path / "text.md"
    text.write_text(
        "# A heading, it is\n[a](text.md#a-heading-it-is) ![b](gone.svg) `[c](code.md)`\n"
        "<https://example.org> <a href='#gone'>d</a>\n```\n[e](code.md)\n```\n"
    )
    assert links(text) == ["text.md#a-heading-it-is", "gone.svg", "https://example.org", "#gone"]
    assert [leads_nowhere(link, text) for link in links(text)] == [False, True, True, True]


each_text = pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))


@each_text
def test_headings_are_in_order(path):
    levels = [len(marks) for marks in re.findall(r"^(#+) ", prose(path), flags=re.MULTILINE)]
    assert levels[0] == 1
    assert 1 not in levels[1:]
    assert all(after - before <= 1 for before, after in pairwise(levels))


@each_text
def test_no_line_of_a_paragraph_is_taken_for_an_item_of_a_list(path):
    """A line that begins with a plus or a minus is one to Markdown, though it be a sum's."""
    item = r" *(?:[-+*]|1[.)]) "
    within_a_paragraph = rf"(?!{item}|  |\s*$)"
    assert [
        line
        for before, line in pairwise(prose(path).splitlines())
        if re.match(within_a_paragraph, before) and re.match(item, line)
    ] == []


@each_text
def test_every_picture_has_a_text_in_its_place(path):
    assert all(re.findall(r"!\[([^\]]*)\]\(", prose(path)))
    assert all("alt=" in tag for tag in re.findall(r"<img\b[^>]*>", prose(path)))


@each_text
def test_every_link_within_the_repository_leads_somewhere(path):
    within = [link for link in links(path) if not is_external(link)]
    assert [link for link in within if leads_nowhere(link, path)] == []


@pytest.fixture(scope="module")
def internet():
    try:
        urllib.request.urlopen("https://example.org", timeout=PATIENCE).close()
    except URLError as error:
        pytest.skip(f"needs the internet, so no link to another host was checked: {error.reason}")


@pytest.mark.internet
@pytest.mark.usefixtures("internet")
@pytest.mark.parametrize("link", EXTERNAL)
def test_every_link_to_another_host_is_answered(link):
    request = urllib.request.Request(link, headers={"User-Agent": "Mozilla/5.0 (link check)"})
    try:
        urllib.request.urlopen(request, timeout=PATIENCE).close()
    except HTTPError as error:
        pytest.fail(f"{link} answers {error.code} {error.reason}")
