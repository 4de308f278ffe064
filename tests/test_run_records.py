"""The records of how an output was made."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepometry.core.errors import DeepometryError
from deepometry.core.options.parse import ParseOptions
from deepometry.core.run_records import (
    FORMAT_VERSION,
    earlier_files,
    own_record,
    provenance,
    read_json,
    write_json,
)


def test_earlier_files_never_point_outside(tmp_path):
    record = tmp_path / "parse.json"
    assert earlier_files(record, "parse") == []
    outside = ["../secret", str(tmp_path / "x"), "C:\\x", "a/../../b", "\\x", "", 3]
    write_json(record, {"step": "parse", "files": ["a/b.npy", *outside]})
    assert earlier_files(record, "parse") == ["a/b.npy"]
    assert earlier_files(record, "predict") == []
    record.write_text("{")
    with pytest.raises(
        DeepometryError, match=r"parse\.json is damaged: .* put it back from a copy"
    ):
        earlier_files(record, "parse")
    record.write_text("no record")
    assert earlier_files(record, "parse") == []


def test_json_that_is_damaged_is_told_in_words(tmp_path):
    (tmp_path / "parse.json").write_text("{")
    with pytest.raises(DeepometryError, match=r"parse\.json is not valid JSON"):
        read_json(tmp_path / "parse.json")
    (tmp_path / "parse.json").write_text("[]")
    with pytest.raises(
        DeepometryError, match=r"expected the record of a step, .* found \[\]; put it"
    ):
        read_json(tmp_path / "parse.json")


def test_provenance_says_how_an_output_was_made(tmp_path):
    record = provenance("parse", ParseOptions(input="in", output="out", channels="9,1"))
    assert record["step"] == "parse"
    assert record["options"]["channels"] == [9, 1]
    assert record["options"]["input"] == str(Path("in").absolute())
    assert {"python", "numpy", "keras"} <= set(record["versions"])
    write_json(tmp_path / "x.json", record)
    assert read_json(tmp_path / "x.json") == record


@pytest.mark.parametrize("read", [read_json, lambda path: own_record(path, "parse")])
def test_a_record_of_a_newer_format_is_refused_in_one_sentence(tmp_path, read):
    path, record = tmp_path / "parse.json", provenance("parse", ParseOptions(input="a", output="b"))
    write_json(path, record)
    assert read(path)["format_version"] == FORMAT_VERSION
    write_json(path, record | {"format_version": FORMAT_VERSION + 1})
    with pytest.raises(DeepometryError) as caught:
        read(path)
    assert str(caught.value) == (
        f"{path}: expected format version {FORMAT_VERSION} or earlier, found "
        f"{FORMAT_VERSION + 1}; update Deepometry."
    )
