"""YAML is read as DVC reads it, and what hides its meaning is refused in one line."""

import datetime
import time

import pytest
from dvc.utils.serialize import parse_yaml

from project import FIXTURES
from retention.core.errors import InputError
from retention.core.yaml_files import MOST_BYTES, MOST_DEEP, MOST_VALUES, compose_yaml, read_yaml


@pytest.fixture
def read(tmp_path):
    """Read a text or bytes as the file offers.yaml."""

    def reads(content):
        path = tmp_path / "offers.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_yaml(path)

    return reads


@pytest.fixture
def told(read, tmp_path):
    """The one line with which a text is refused, after the path."""

    def tells(content):
        with pytest.raises(InputError) as mistake:
            read(content)
        line = str(mistake.value)
        assert len(line.splitlines()) == 1
        assert line.isprintable()
        assert len(line) < 300
        return line.removeprefix(str(tmp_path / "offers.yaml"))

    return tells


FORMS = {
    "0100": 100,
    "-0100": -100,
    "1:30": "1:30",
    "12:30:45": "12:30:45",
    "0o17": 15,
    "0x1F": 31,
    "1_000": 1000,
    "yes": "yes",
    "No": "No",
    "on": "on",
    "OFF": "OFF",
    "true": True,
    "~": None,
    "1e-05": 1e-05,
    "1E5": 1e5,
    ".5": 0.5,
    "1.": 1.0,
    "08": 8,
    "1,5": "1,5",
    "2026-12-01": datetime.date(2026, 12, 1),
    '"2026-12-01"': "2026-12-01",
}


@pytest.mark.parametrize("written", FORMS)
def test_value_is_read_by_yaml_1_2_and_as_dvc_reads_it(read, written):
    text = f"key: {written}\n"
    found = read(text)["key"]
    assert (found, type(found)) == (FORMS[written], type(FORMS[written]))
    theirs = parse_yaml(text, "params.yaml")["key"]
    assert (theirs, type(theirs)) == (found, type(found))


@pytest.mark.parametrize("name", ["params.yaml", "columns.yaml", "offers.yaml"])
def test_whole_files_are_read_as_dvc_reads_them(name):
    path = FIXTURES / name
    assert read_yaml(path) == parse_yaml(path.read_text(encoding="utf-8"), name)


def test_byte_order_mark_and_line_ends_of_windows_are_no_part_of_the_text(read):
    assert read(b"\xef\xbb\xbfa: x\r\nb: y\r\n") == {"a": "x", "b": "y"}


@pytest.mark.parametrize("text", ["", "# none\n", "---\n"])
def test_empty_file_is_none(read, text):
    assert read(text) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb: 2\na: 3\n", ", line 3: the key a stands twice (first in line 1); keep one"),
        ("x:\n  - a: 1\n    'a': 2\n", ", line 3: the key a stands twice (first in line 2)"),
        ("{code: a, cost: 1, cost: 2}", ", line 1: the key cost stands twice (first in line 1)"),
        ("1: a\n01: b\n", ", line 2: not valid YAML (found duplicate key"),
        ("a:\n  <<: {b: 1}\n  b: 2\n", ", line 2: the key << is not read; write the keys out"),
        ("\u202ea: 1\n\u202ea: 2\n", ", line 2: the key \\u202ea stands twice"),
    ],
)
def test_key_that_stands_twice_is_refused_with_both_lines(told, text, sentence):
    assert told(text).startswith(sentence)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: 1\nru: Подборки #подарок_маме\n", ", line 2: # cuts the text off after 'Подборки'"),
        ("ru: Подборки\n  по темам #маме\n", ", line 2: # cuts the text off after 'Подборки по т"),
        ("- ru: Скидка  #5 на всё\n", ", line 1: # cuts the text off after 'Скидка'"),
        ("ru: Подборки ##маме\n", ", line 1: # cuts the text off after 'Подборки'"),
        ("ru: #маме\nen: x\n", ", line 1: # cuts the text off after 'ru:'"),
        ("ru : #маме\n", ", line 1: # cuts the text off after 'ru:'"),
        ("- #маме\n- x\n", ", line 1: # cuts the text off"),
        ("t: {ru: Подборки #маме\n  , en: x}\n", ", line 1: # cuts the text off after 'Подборки'"),
    ],
)
def test_text_that_a_hashtag_cuts_is_refused(told, text, where):
    line = told(text)
    assert line.startswith(where)
    assert "quote the text" in line


def test_comments_and_quoted_hashtags_stay(read):
    text = (
        "ru: 'Подборки #маме'  #note\n"
        "en: text # a comment\n"
        "de: text  ## a comment\n"
        "cost: 0.5  # measured: 0.1 to 0.2\n"
        "list: [1, 2] #old\n"
        "number: 2 #20\n"
        "under: #note\n"
        "  key: a#b\n"
        "block: |\n"
        "  text #тема\n"
    )
    assert read(text) == {
        "ru": "Подборки #маме",
        "en": "text",
        "de": "text",
        "cost": 0.5,
        "list": [1, 2],
        "number": 2,
        "under": {"key": "a#b"},
        "block": "text #тема\n",
    }


@pytest.mark.parametrize(
    "text",
    ["ru: &Подарок маме", "ru: *Подарок* маме", "ru: ! важно", "a: !!str 5", "a: !python/x 1"],
)
def test_text_that_anchor_alias_or_tag_would_swallow_is_refused(told, text):
    line = told(text)
    assert line == ", line 1: anchors, aliases and tags (&, *, !) are not read; quote the text"


def test_directive_that_turns_0100_into_64_is_refused(told):
    assert "a line with % is not read" in told("%YAML 1.1\n---\na: 0100\n")


BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 30)
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[" * 900 + "]" * 900, f", line 1: nested more than {MOST_DEEP} deep"),
        ("".join(" " * n + "a:\n" for n in range(900)), f"nested more than {MOST_DEEP} deep"),
        ("[" * (MOST_BYTES - 1), f"nested more than {MOST_DEEP} deep"),
        ("- " * 400_000, f"nested more than {MOST_DEEP} deep"),
        ("{a: " * 200_000, f"nested more than {MOST_DEEP} deep"),
        (BOMB, "anchors, aliases and tags"),
        ("a: [" + "1," * 490_000 + "]", f"more than {MOST_VALUES:,} keys and values"),
        ("a: " + "x" * MOST_BYTES, " is larger than 1,000,000 bytes, the most that is read"),
        ("a: " + "9" * 400, ", line 1: a number of 400 characters; valid: at most 40"),
        ("a: " + "9" * 5000, ", line 1: a number of 5000 characters; valid: at most 40"),
        ("a: 1." + "9" * 4000, ", line 1: a number of 4002 characters; valid: at most 40"),
        ('a: "\\ud800"', ", line 1: '\\ud800' holds half a character; write it whole"),
        (b"a: \x00", "not valid YAML"),
        (b"a: \x1b[31m", "not valid YAML"),
        ("ru: Скидка: 5 %", ", line 1: not valid YAML (mapping values are not allowed here; quote"),
        ("a: 1\n---\na: 2\n", "not valid YAML (but found another document)"),
        ("a".encode("utf-16"), " is not UTF-8 text; save it as UTF-8"),
    ],
    ids=range(17),
)
def test_endless_or_broken_file_ends_in_one_line_in_seconds(told, text, sentence):
    began = time.monotonic()
    assert sentence in told(text)
    assert time.monotonic() - began < 30


def test_nesting_up_to_the_limit_is_read(read):
    found = read("[" * MOST_DEEP + "]" * MOST_DEEP)
    for _ in range(MOST_DEEP - 1):
        (found,) = found
    assert found == []


def test_folder_in_place_of_the_file_is_told(tmp_path):
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory\)"):
        read_yaml(tmp_path)


def test_nodes_know_their_places_in_the_text():
    text = "# Скидки\n- effect: 0.06  # a guess\n"
    (entry,) = compose_yaml(text, place="offers.yaml").value
    ((key, value),) = entry.value
    assert text[key.start_mark.index : value.end_mark.index] == "effect: 0.06"
