"""Label files in every shape that people have them, read for what they say or refused in words."""

from __future__ import annotations

import csv
import io
import json
import random

import pytest

from edge_server.errors import SettingError
from edge_server.inference import labels
from edge_server.inference.labels.text import MAX_BYTES

PETS = ("cat", "dog", "bird")


def read(content):
    data = content if isinstance(content, bytes) else content.encode()
    return labels.from_bytes(data, "labels")


@pytest.mark.parametrize(
    ("content", "form"),
    [
        ('{"0": "cat", "1": "dog", "2": "bird"}', "JSON, index to name"),
        ('{\n"2": "bird",\n"0": "cat",\n"1": "dog"\n}', "JSON, index to name"),
        ('{"cat": 0, "dog": 1, "bird": 2}', "JSON, name to index"),
        ('{"bird": "2", "dog": "1", "cat": "0"}', "JSON, name to index"),
        ('["cat", "dog", "bird"]', "JSON, list"),
        (
            '[{"id": 2, "name": "bird"}, {"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}]',
            "JSON, list of objects",
        ),
        ('[{"name": "cat"}, {"name": "dog"}, {"name": "bird"}]', "JSON, list of objects"),
        ('[["cat", 0], ["dog", 1], ["bird", 2]]', "JSON, pairs of index and name"),
        ('{"nc": 3, "names": {"0": "cat", "1": "dog", "2": "bird"}}', "JSON, index to name"),
        ('{"labels": ["cat", "dog", "bird"], "imageSize": 224, "userMetadata": {}}', "JSON, list"),
        (
            '{"id2label": {"0": "cat", "1": "dog", "2": "bird"},'
            ' "label2id": {"cat": 0, "dog": 1, "bird": 2}, "architectures": ["ViT"]}',
            "JSON, index to name",
        ),
        ('{"cat": {"id": 0}, "bird": {"id": 2}, "dog": {"id": 1}}', "JSON, name to index"),
        ('{"0": {"name": "cat"}, "1": {"name": "dog"}, "2": {"name": "bird"}}', "JSON, index"),
        ('{"0": ["n02123045", "cat"], "1": ["n02084071", "dog"], "2": ["n01503061", "bird"]}', ""),
        ('{"id": 1, "name": "dog"}\n{"id": 0, "name": "cat"}\n{"id": 2, "name": "bird"}\n', ""),
        ("{0: 'cat', 1: 'dog', 2: 'bird'}", "near to JSON, index to name"),
        ("{'cat': 0, 'dog': 1, 'bird': 2,}", "near to JSON, name to index"),
        ("# all\nCLASSES = ['cat', 'dog', 'bird']  # of the model\n", "near to JSON, list"),
        ('const LABELS = {0: "cat", 1: "dog", 2: "bird"};', "near to JSON, index to name"),
        ("0: cat\n2: bird\n1: dog\n", "a number and a label on each line"),
        ("- cat\n- dog\n- bird\n", "one label a line"),
        ("names:\n- cat\n- dog\n- bird\n", "YAML, list"),
        ("nc: 3\nnames: [cat, 'dog',\n  bird]  # comment\n", "YAML, list"),
        ("---\n# comment\nnames:\n  0: cat\n  2: 'bird'\n  1: \"dog\"\n", "YAML, index to name"),
        ("- id: 0\n  name: cat\n- id: 1\n  name: dog\n- id: 2\n  name: bird\n", "YAML, list of"),
        ("index,label\n2,bird\n0,cat\n1,dog\n", "CSV, columns index and label"),
        ("class_name;class_id\ncat;0\ndog;1\nbird;2\n", "CSV, columns class_id and class_name"),
        ("ClassId\tSignName\tShape\n0\tcat\tx\n1\tdog\ty\n2\tbird\tz\n", "TSV, columns ClassId"),
        (",0\n0,cat\n1,dog\n2,bird\n", "CSV, columns index and 0"),
        ("item { id: 0 name: 'cat' } item { id: 1 name: 'dog' } item { id: 2 name: 'bird' }", ""),
        ('item {\n id: 1\n name: "/m/1"\n display_name: "dog"\n}\nitem: { name: "/m/2", id: 2 '
         'display_name: "bird" }\nitem { display_name: "cat" id: 0 name: "/m/0" }', "TensorFlow"),
        ("0 cat\n1 dog\n2 bird", "a number and a label on each line"),
        ("class_2: bird\nclass_0: cat\nclass_1: dog", "a number and a label on each line"),
        ("2 bird\n0 cat\n1 dog", "a number and a label on each line"),
        ("0:cat\n1:dog\n2:bird", "a number and a label on each line"),
        ("0,cat\n1,dog\n2,bird", "a number and a label on each line"),
        ("0\tcat\n1\tdog\n2\tbird", "a number and a label on each line"),
        ("0cat\n1dog\n2bird", "a number and a label on each line"),
        ("0. cat\n1. dog\n2. bird", "a number and a label on each line"),
        ("# comment\n00 - cat\n01 - dog\n02 - bird", "a number and a label on each line"),
        ("bird 2\ncat 0\ndog 1", "a label and a number on each line"),
        ("bird,2\ncat,0\ndog,1", "a label and a number on each line"),
        ("'bird': 2,\n'cat': 0,\n'dog': 1,", "a label and a number on each line"),
        ('"0": "cat",\n"1": "dog",\n"2": "bird"', "a number and a label on each line"),
        ('"cat",\n"dog",\n"bird"', "one label a line"),
        ("'cat', 'dog',\n'bird',\n", "list without its brackets"),
        ("cat,\ndog,\nbird\n", "one label a line"),
        ("cat, dog, bird", "one label a line"),
        (b"\xef\xbb\xbfcat\r\ndog \r\n\tbird\r\n\r\n", "one label a line"),
        ("cat\ndog\nbird".encode("utf-16"), "one label a line"),
        ('["cat", "dog", "bird"]'.encode("utf-16-be"), "JSON, list"),
        ("0 cat\n1 dog\n2 bird".encode("utf-16-le"), "a number and a label on each line"),
    ],
)  # fmt: skip
def test_three_pets_are_read_in_the_order_of_their_classes(content, form):
    found = read(content)
    assert found.names == PETS
    assert found.form.startswith(form)
    assert str(found) == f"labels: {found.form}, 3 labels (cat, dog, bird)"


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("1 euro\n2 euro\n", ("1 euro", "2 euro")),
        ("0 euro\n1 euro\n", ("0 euro", "1 euro")),
        ("1 cent\n2 cent\n5 cent\n1 euro\n2 euro", None),
        ("1 star\n2 stars\n3 stars", None),
        ("0 fingers\n1 finger\n2 fingers\nfist", None),
        ("0\n1\n2\n", None),
        ("3\n1\n2\n", None),
        ("1999\n2004\n", None),
        ("iphone 11\niphone 12\n", None),
        ("class 0\nclass 1\n", None),
        ("Audi TT 2011\nBMW M3 2012\n", None),
        ("16:9\n4:3\n", None),
        ("7up\n3D\n2CV\n", None),
        ("0 cardboard\nplastic\n", None),
        ("tench, Tinca tinca\ngoldfish, Carassius auratus\n", None),
        ("n01440764 tench\nn01443537 goldfish\n", None),
        ("crane\nmaillot\ncrane\n", None),
        ("???\n(other)\nC#\nC++\no'clock\nDog: happy\n[unused]\n<unk>\n-\n", None),
        ("no\nyes\nnull\ntrue\n1.5\n", None),
        ("cat\n\ndog\n", ("cat", "", "dog")),
        ("/a/airfield 0\n/a/cabin 1\n", ("/a/airfield", "/a/cabin")),
        ("0 Class 1\n1 Class 2\n", ("Class 1", "Class 2")),
        ("Class 1\nClass 2\n", None),
        ('0,"tench, ""Tinca"""\n1,goldfish\n', ('tench, "Tinca"', "goldfish")),
        ("index,name\n0,tench, Tinca tinca\n1,goldfish\n", ("tench, Tinca tinca", "goldfish")),
        ('["1 cent", "2 euro", "- x", "{", "\\u00e4", "\\ud83d\\ude00"]',
         ("1 cent", "2 euro", "- x", "{", "ä", "😀")),
        ('{"0": "7", "1": "3"}', ("7", "3")),
        ("label,index\n7,0\n3,1\n", ("7", "3")),
        ('{"0": 1999, "1": 2004}', ("1999", "2004")),
        # Keras' class_indices of folders that are named by numbers, in their order as text.
        (json.dumps({str(n): i for i, n in enumerate(sorted(range(12), key=str))}),
         tuple(sorted(map(str, range(12))))),
        ("'0': 0\n'1': 1\n'10': 2\n'2': 3\n", ("0", "1", "10", "2")),
        ("names:\n  0: no\n  1: 'it''s'\n  2: 1.5\n", ("no", "it's", "1.5")),
        ('["two\\nlines"]', ("two lines",)),
    ],
)  # fmt: skip
def test_names_are_taken_as_they_are(content, names):
    assert read(content).names == (names or tuple(content.strip().splitlines()))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("0:cat\n1:dog\n3:bird", "no class 2 between 1 'dog' and 3 'bird'"),
        ("0 cat\n\n2 bird", "no class 1 between 0 'cat' and 2 'bird'"),
        ('{"0": "cat", "9": "dog"}', "no classes between 0 'cat' and 9 'dog'"),
        ("0: cat\n1: dog\n1: bird", "the number 1 twice, for 'dog' and 'bird'"),
        ('{"0": "cat", "0": "dog"}', "the number 0 twice, for 'cat' and 'dog'"),
        ('{"1": "cat", "2": "dog"}', "counts from 1 'cat' to 2 'dog'.*subtract 1 from each"),
        ("1 cardboard\n2 plastic", "counts from 1 .*if the numbers are part of the names, write"),
        ("index,name\n1,cat\n2,dog", "counts from 1 'cat' to 2 'dog'"),
        ("item { id: 1 name: 'cat' } item { id: 3 name: 'dog' }", "no class 2 between 1 'cat'"),
        ("0 cat\n1 dog\nbird", "a number in 2 of 3 lines, and none in 'bird'"),
        ("index label\n0 cat\n1 dog", "none in 'index label'"),
        ("0,5 l\n1,0 l", "could be its class or part of its name"),
        ("0:1\n1:2\n2:0", "both could be the classes"),
        ("{0: 1, 1: 2, 2: 0}", "both could be the classes"),
        ("class,label\n0,1\n1,2\n2,0", "both could be the classes"),
        ("0 zero\n1", "no label for class 1"),
        ("0,cat,x\n1,dog,y", "a table of 3 columns without headings"),
        ("a,b,c\n0,cat,x\n1,dog,y", "columns .a, b, c. do not say which"),
        ("name,description\ncat,x\ndog,y", "without a column of whole numbers"),
        ('{"0": "cat", "1": "dog"', "nothing where a comma or '}' should be, in line 1"),
        ('["cat" "dog"]', "'\"dog\"' where a comma"),
        ('{"cat", "dog"}', "a colon should be"),
        ('{"cat": "Katze", "dog": "Hund"}', "'cat' is no number, and neither are all values"),
        ('{"a": ["cat"], "b": ["dog"]}', r"several lists \('a', 'b'\)"),
        ('{"names": ["cat"], "labels": ["dog"]}', "several lists of labels that differ"),
        ("[true, false]", "no text for class 0"),
        ('{"0": null}', "no text for class 0"),
        ('["cat", ""]', "no text for class 1"),
        ('["cat", "\\ud800"]', "can't be shown"),
        ('[{"id": 0, "name": "cat"}, {"name": "dog"}]', "'dog' has no 'id', and others have"),
        ("{}", "holds no labels"),
        ("names: |\n  cat\n", "a part of YAML that is not read"),
        ("names:\n  - cat\n - dog\n", "line 3 .* is indented otherwise"),
        ('"cat\n"dog', "a piece of another format"),
        ("cat\n}\n", "a piece of another format"),
        ("# labels\ncat\ndog", "a piece of another format"),
        ("dict_keys(['cat', 'dog'])", "a piece of another format"),
        ("| 0 | cat |\n| 1 | dog |", "a table of 4 columns without numbers"),
        ("cat;Katze\ndog;Hund", "a table of 2 columns without numbers"),
        ("<item>cat</item>\n<item>dog</item>", "a piece of another format"),
        ("cat\ufffd\ndog", "lost letters"),
        ("a" * 1001, "a label of 1001 characters"),
        ("a\n" * 500_000, "more than 200000 labels"),
        (b"a" * (MAX_BYTES + 1), "larger than 8 MiB"),
        ("[" * 100_000, "nested more than 20"),
        (b"\n\n", "is empty"),
        (b"{\\rtf1 cat}", "Rich Text Format: save it as plain text"),
        (b"PK\x03\x04\x14\0", "ZIP archive, or a document of Excel"),
        (b"\x80\x04\x95\x1c\0\0", "a Python pickle.*json.dump"),
        (b"\x93NUMPY\x01\0", "a NumPy array"),
        (b"<!DOCTYPE html>\n<html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\x89PNG\r\n\x1a\n", "is a picture"),
        (b"\0\1\2\3", "holds binary data"),
    ],
)
def test_what_says_no_labels_for_sure_is_refused_with_what_to_do(content, said):
    with pytest.raises(SettingError, match=f"^The label file labels .*{said}") as refused:
        read(content)
    assert refused.value.exit_status == 2
    assert str(refused.value).endswith(".") and len(str(refused.value)) < 500


@pytest.mark.parametrize(
    "text",
    ["Käse\nGröße\nÖl", "crème brûlée\nforêt", "œuf\nà côté", "Bird’s nest", "piña\nplátano"],
)
def test_western_european_text_is_read_where_it_can_be_nothing_else(text):
    assert read(text.encode("cp1252")).names == tuple(text.split("\n"))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("forêt", "cp1252"),  # foręt, in Poland
        ("zażółć\ngęś", "cp1250"),
        ("břeh\nčáp", "cp1250"),
        ("şeker\nçiçek", "cp1254"),
        ("кот\nдо", "cp1251"),
        ("猫\n犬", "shift-jis"),
        ("猫\n犬", "utf-16-le"),
        ("café", "mac-roman"),
        ("café", "cp850"),
    ],
)
def test_an_encoding_that_is_not_certain_is_said(text, encoding):
    with pytest.raises(SettingError, match=r"UTF-8|binary data"):
        read(text.encode(encoding))


def test_a_label_map_of_tensorflow_leaves_0_to_the_background():
    found = read("item { id: 2 name: 'dog' } item { id: 1 name: 'cat' }")
    assert labels.fitting(found, "m", 3) == ("background", "cat", "dog")
    assert labels.fitting(found, "m", 2) == ("cat", "dog")
    with pytest.raises(SettingError, match=r"has 2 labels .* m puts out 4 classes"):
        labels.fitting(found, "m", 4)


@pytest.mark.parametrize(
    ("content", "classes", "said"),
    [
        ("cat\ndog", 3, "2 labels .one label a line. but m puts out 3 .*background, put it before"),
        ("background\ncat\ndog", 2, "3 labels .*no class for 'background': leave it out"),
        ("label\ncat\ndog", 2, "3 labels .*if the first, 'label', is a heading, leave it out"),
        ('{"0": "cat"}', 5, "1 label .JSON, index to name. but m puts out 5 classes"),
    ],
)
def test_labels_that_do_not_fit_the_model_are_counted_as_they_were_read(content, classes, said):
    with pytest.raises(SettingError, match=f"^labels has {said}"):
        labels.fitting(read(content), "m", classes)


def test_without_labels_classes_are_called_by_their_number():
    assert labels.fitting(None, "m", 3) == ("0", "1", "2")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingError, match=r"words\.txt can't be read .No such"):
        labels.read(tmp_path / "words.txt")


def test_the_labels_of_real_models_are_read_as_they_stand(shared):
    machine = labels.read(shared / "teachable_machine" / "labels.txt")
    assert machine.names == ("cardboard", "plastic", "glass", "metal")
    imagenet = labels.read(shared / "imagenet_labels.txt")
    lines = (shared / "imagenet_labels.txt").read_text().splitlines()
    assert imagenet.names == tuple(lines) and len(lines) == 1001


WORDS = (
    *("cat", "great white shark", "Käse", "3-toed sloth", "tench, Tinca tinca", "carpenter's kit"),
    *("n/a", "猫", "no", "null", "5 euro", "R2-D2", "iphone 11", "St. Bernard", "black & white"),
    *("(other)", "100%", "C#", "C++", 'the "big" one', "back\\slash", "semi;colon", "-minus", "~"),
    *("@home", "a|b", "😀 smile", "no. 5", "x = 1", "crane", "10 cents"),
)


def written(names, order):
    """Labels written in each format as its usual programs write it, numbers in `order`."""
    yield "\n".join(names)
    yield json.dumps({str(n): names[n] for n in order}, indent=2)
    yield json.dumps({names[n]: n for n in order}, ensure_ascii=False)
    yield json.dumps(names)
    yield json.dumps([{"id": n, "name": names[n]} for n in order])
    yield repr({n: names[n] for n in order})
    yield f"names = {names!r}\n"
    yield "".join(f"- {json.dumps(name)}\n" for name in names)
    yield "names:\n" + "".join(f"  {n}: {json.dumps(names[n])}\n" for n in order)
    quoted = ("'" + name.replace("'", "''") + "'" for name in names)
    yield f"names: [{', '.join(quoted)}]\n"
    yield "".join(f"item {{\n id: {n + 1}\n name: {json.dumps(names[n])}\n}}\n" for n in order)
    for delimiter in ",;\t":
        for rows in (
            [("index", "label"), *((n, names[n]) for n in order)],
            [("class_name", "class_id"), *((names[n], n) for n in order)],
            [(n, names[n]) for n in order],
        ):
            stream = io.StringIO()
            csv.writer(stream, delimiter=delimiter).writerows(rows)
            yield stream.getvalue()
    for separator in (":", ": ", " ", "\t", ", ", " - "):
        yield "".join(f"{n}{separator}{names[n]}\n" for n in order)
    for separator in (": ", ",", " ", "\t"):
        yield "".join(f"{names[n]}{separator}{n}\n" for n in order)


def sets_of_labels():
    chosen = random.Random(14)
    for count in (2, 3, 5, 10, 30):
        for _ in range(4):
            names = chosen.sample(WORDS, count)
            yield names, chosen.sample(range(count), count)


def test_any_labels_come_back_from_any_format():
    for names, order in sets_of_labels():
        for content in written(names, order):
            assert read(content).names == tuple(names), content


def test_damaged_files_are_read_or_refused_and_nothing_else():
    chosen = random.Random(41)
    for names, order in sets_of_labels():
        for content in written(names, order):
            data = bytearray(content.encode())
            place = chosen.randrange(len(data))
            data[place : place + chosen.randrange(3)] = chosen.choice((b"", b'"', b"\n[", b"\xff"))
            try:
                found = labels.from_bytes(bytes(data), "labels")
            except SettingError:
                continue
            assert found.names
            assert all(len(name.splitlines()) <= 1 for name in found.names)
