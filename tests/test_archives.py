"""Archives by the real `nbgrader zip_collect`: the good are taken apart, the bad left aside."""

import io
import stat
import tarfile
import zipfile

import pytest
from course import copy_course

from cnnlesson.grading.archives import SafeExtractor

NAME = "parameter-sharing"
FILE = f"{NAME}.ipynb"


def zipped(members, *, method=zipfile.ZIP_DEFLATED, mode=0o100644):
    """Make an archive of contents by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            entry.compress_type = method
            archive.writestr(entry, content)
    return buffer.getvalue()


def tarred():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../escaped"), io.BytesIO())
    return buffer.getvalue()


def encrypted():
    content = bytearray(zipped({"a": b"x"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    return bytes(content)


def nested(depth):
    content = zipped({"inmost.txt": b"x"})
    for number in range(depth - 1):
        content = zipped({f"{number}.zip": content})
    return content


@pytest.fixture
def extract(tmp_path, caplog):
    """Extract archives by name, and return what lies where afterwards, and what was said."""

    def extract(archives, **limits):
        archive, extracted = tmp_path / "archive", tmp_path / "extracted"
        for folder in (archive, extracted):
            folder.mkdir(exist_ok=True)
        for name, content in archives.items():
            (archive / name).write_bytes(content)
        extractor = SafeExtractor(**limits)
        extractor.extract(str(archive), str(extracted))
        files = {
            path.relative_to(extracted).as_posix(): path.read_bytes()
            for path in extracted.rglob("*")
            if path.is_file()
        }
        return files, caplog.text

    return extract


GOOD = zipped({"ada_x.ipynb": b"{}", "deep/data.csv": b"1", "__MACOSX/._ada_x.ipynb": b"junk"})


def test_good_archives_and_plain_files_are_taken(extract):
    inner = zipped({"class/ada.zip": GOOD, "class/bob_x.ipynb": b"{}"})
    files, said = extract({"ada.zip": GOOD, "eve_x.ipynb": b"{}", "class.zip": inner})
    assert {name for name in files if not name.endswith(".zip")} == {
        "ada/ada_x.ipynb",
        "ada/deep/data.csv",
        "eve_x.ipynb",
        "class/class/ada/ada_x.ipynb",
        "class/class/ada/deep/data.csv",
        "class/class/bob_x.ipynb",
    }
    assert "eft aside" not in said


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (zipped({"../escaped": b"x"}), "'../escaped' in it would lie outside of its folder"),
        (zipped({"a/../../escaped": b"x"}), "would lie outside of its folder"),
        (zipped({"/escaped": b"x"}), "would lie outside of its folder"),
        (zipped({"..\\escaped": b"x"}), "would lie outside of its folder"),
        (zipped({"C:\\escaped": b"x"}), "would lie outside of its folder"),
        (zipped({"link": b"/etc/passwd"}, mode=stat.S_IFLNK | 0o777), "'link' in it is a link"),
        (zipped({"device": b""}, mode=stat.S_IFCHR | 0o600), "'device' in it is a link, or no"),
        (zipped({"pipe": b""}, mode=stat.S_IFIFO | 0o600), "'pipe' in it is a link, or no plain"),
        (zipped({"new\nline": b""}), "'new?line' in it has a name that cannot be kept"),
        (zipped({"n" * 300: b""}), "in it has a name that cannot be kept"),
        (zipped({"a": b"x", "a/b": b"x"}), "it is broken"),
        (zipped({"a": b"x", "./a": b"y"}), "it is broken"),
        (zipped({"a": b"0" * 2_000_000}), "in it grows "),
        (zipped({"a": b"x"}, method=zipfile.ZIP_LZMA), "packed in a way that is not opened"),
        (zipped({f"{n}": b"" for n in range(101)}), "it holds up to 101 files, and 100 may"),
        (zipped({"a": b"x" * 3_000_001}, method=0), "it has 3,000,101 bytes, and SafeExtractor"),
        (zipped({n: bytes(range(250)) * 4000 for n in "abc"}), "its files have 3,000,000 bytes"),
        (zipped({"a": b"x"})[:-30], "it is no zip file"),
        (zipped({"a": b"x" * 99}, method=0).replace(b"x" * 99, b"y" * 99), "it is broken: Bad CRC"),
        (encrypted(), "is encrypted, password required"),
        (tarred(), "it is no zip file, and no other archives are opened"),
        (b"", "it is no zip file"),
    ],
    ids=lambda value: "an archive" if isinstance(value, bytes) else value,
)
def test_a_bad_archive_is_left_aside_whole_and_the_others_are_taken(
    extract, tmp_path, content, sentence
):
    files, said = extract(
        {"a-bad.zip": content, "good.zip": GOOD},
        max_files=100,
        max_bytes=2_500_000,
        max_archive_bytes=3_000_000,
    )
    assert sentence in said.partition("Left aside 'a-bad.zip': ")[2]
    assert "1 files were left aside, and all others taken: 'a-bad.zip'" in said
    assert {*files} == {"good/ada_x.ipynb", "good/deep/data.csv"}
    assert {path.name for path in tmp_path.iterdir()} == {"archive", "extracted"}


def test_archives_inside_each_other_end_somewhere(extract):
    files, said = extract({"three.zip": nested(3), "four.zip": nested(4)})
    assert "three/1/0/inmost.txt" in files
    assert not [name for name in files if name.startswith("four") and "inmost" in name]
    assert "archives lie more than 3 deep in each other" in said


def test_archives_inside_share_the_outer_ones_limits(extract):
    members = {f"{number}.zip": zipped({"a": b"x" * 1000}) for number in range(9)}
    files, said = extract({"outer.zip": zipped(members)}, max_bytes=6000, max_ratio=10**6)
    assert 3 <= len([name for name in files if name.endswith("/a")]) < 9
    assert "bytes, and" in said


def test_a_link_among_the_archives_is_left_aside(extract, tmp_path):
    (tmp_path / "archive").mkdir()
    (tmp_path / "secret").write_bytes(b"SECRET")
    (tmp_path / "archive/eve_x.ipynb").symlink_to(tmp_path / "secret")
    files, said = extract({"good.zip": GOOD})
    assert len(files) == 2
    assert "Left aside 'eve_x.ipynb': it is a link" in said


@pytest.mark.nbgrader
def test_one_odd_archive_does_not_stop_zip_collect(run, tmp_path):
    course = copy_course(tmp_path, "source", "release")
    archives = course / "downloaded" / NAME / "archive"
    archives.mkdir(parents=True)
    notebook = (course / "release" / NAME / FILE).read_bytes()
    for name, content in {
        "ada.zip": zipped({f"ada_{FILE}": notebook}),
        "bob.zip": zipped({f"bob_{FILE}": notebook, f"again/bob_{FILE}": notebook}),
        "eve.zip": zipped({"../../escaped": b"x"}),
        "mallory.zip": zipped({f"ada_{FILE}": b"{}", f"<b>_{FILE}": b"{}"}),
        f"zoe_{FILE}": notebook,
    }.items():
        (archives / name).write_bytes(content)
    said = run("nbgrader", "zip_collect", NAME, cwd=course)
    collected = {path.parts[-3]: path for path in (course / "submitted").glob("*/*/*")}
    assert {*collected} == {"ada", "bob", "zoe"}
    assert all(path.read_bytes() == notebook for path in collected.values())
    assert "Left aside 'eve.zip'" in said
    assert "'?b?' cannot be a student's id" in said
    assert f"it is a second '{FILE}' of 'ada'" in said
    assert not list(tmp_path.rglob("escaped"))
