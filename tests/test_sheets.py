"""Tables as people's programs write them, and as no spreadsheet computes them."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnlesson.grading.sheets import NotATableError, Sheet, defused, read_sheet, write_sheet


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        (b"id,name\nada,Ada\n", ","),
        (b"\xef\xbb\xbfid;name\r\nada;Ada\r\n", ";"),
        ("id\tname\nada\tAda\n".encode("utf-16"), "\t"),
        (b"\nid,name\n\n,,\nada,Ada", ","),
    ],
)
def test_a_table_is_read_however_it_was_saved(tmp_path, content, delimiter):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    sheet = read_sheet(path)
    assert (sheet.header, sheet.delimiter) == (["id", "name"], delimiter)
    assert [row.cells for row in sheet.rows] == [["ada", "Ada"]]


def test_lines_are_counted_as_an_editor_counts_them(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('id,name\nada,"Ada\nLovelace"\n\nemmy,Emmy\n')
    assert [row.line for row in read_sheet(path).rows] == [2, 5]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty: its first line should name the columns"),
        (b"\n \n", "is empty"),
        (b",,\n,,\n", "is empty"),
        ("id,name\nk,Gödel\n".encode("cp1252"), "line 2: this is no text in UTF-8"),
        (b'id,name\nada,"Ada\n', "line 2: unexpected end of data"),
        (b"id\0,name\n", "line 1: there is a NUL in it"),
    ],
)
def test_what_is_no_table_is_refused_with_its_line(tmp_path, content, sentence):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(NotATableError) as refusal:
        read_sheet(path)
    assert sentence in str(refusal.value)


def test_another_encoding_can_be_named(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes("id,name\nkurt,Gödel\n".encode("cp1252"))
    assert read_sheet(path, "cp1252").rows[0].cells == ["kurt", "Gödel"]
    with pytest.raises(NotATableError, match="there is no encoding 'nonsense'"):
        read_sheet(path, "nonsense")


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "-1;=2"],
)
def test_what_a_spreadsheet_would_compute_becomes_text(cell):
    assert defused(cell).startswith("'")
    assert defused(cell).replace("'", "") == cell.replace("'", "")
    assert defused(defused(cell)) == defused(cell)


def test_what_another_country_s_spreadsheet_would_compute_becomes_text():
    cell = "Ada;=1+1;\t-2;3"
    assert defused(cell) == "Ada;'=1+1;\t'-2;3" == defused(defused(cell))


@pytest.mark.parametrize("cell", ["", "-", "-2", "+1.5", "-0,5", "50 %", "Ada", "a=b", "Ada-Emmy"])
def test_what_it_would_not_stays(cell):
    assert defused(cell) == cell


@given(st.lists(st.lists(st.text(alphabet="a=\"=+-@\t;,\n'é"), min_size=2, max_size=2), min_size=1))
def test_what_is_written_is_read_again_defused(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "written.csv"
    header = ["first", "second"]
    write_sheet(path, [header, *rows], Sheet(path, header, [], ";", "utf-8-sig"))
    with path.open(encoding="utf-8-sig", newline="") as file:
        back = [*csv.reader(file, delimiter=";")]
    assert back == [header, *([defused(cell) for cell in row] for row in rows)]
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert [each.name for each in path.parent.glob(".*.part")] == []
