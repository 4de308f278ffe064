"""New samples: the labels are those of parse and predict, with nothing written between."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from deepometry.cells import file_cells
from deepometry.cells.dataset import open_dataset
from deepometry.cells.parse import parse
from deepometry.cells.reopened_files import open_classified
from deepometry.core.errors import DeepometryError, OptionsError, Question
from deepometry.core.options.classify import ClassifyOptions
from deepometry.core.options.parse import ParseOptions
from deepometry.core.options.predict import PredictOptions
from deepometry.core.progress import Cancelled, Progress
from deepometry.core.step_options import command_words
from deepometry.exports.find_cell import find_cell
from deepometry.images.cif.metadata import CifMetadata
from deepometry.images.cif.metadata_writer import acquisition_xml
from deepometry.images.large_images import Fields, question_of
from deepometry.inference.classify import classify
from deepometry.inference.predict import predict
from deepometry.web.cells.origin import find_origin
from tests.builders import write_channel_tiffs, write_cif
from tests.parsed import CHANNELS, FRAME, blobs
from tests.reading import patch
from tests.results_runs import Jobs, make_app, read_run

ALL = (1, *CHANNELS)  # the files have a channel that the model does not want


def cells_of(kind, count, seed):
    """Cells of a class in all channels, some smaller and some larger than the frame."""
    pixels = blobs(count, kind, seed, frame=20, channels=len(ALL))
    return [cell[: 20 - n % 7, : 14 + n % 5] for n, cell in enumerate(pixels)]


def write_sample(path, cells, channels=ALL):
    path.parent.mkdir(parents=True, exist_ok=True)
    background = [np.tile([[100.0, 5.0]], (len(channels), 1))] * len(cells)
    xml = acquisition_xml(CifMetadata(channels, {}, None, None))
    masks = [(cell > np.median(cell)).astype(np.uint8) for cell in cells]
    return write_cif(path, cells, masks, channels=channels, xml=xml, background=background)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two samples of .cif files, with a damaged cell, and one of .tif files."""
    root = tmp_path_factory.mktemp("files")
    write_sample(root / "Day 10/Sample B/one.cif", cells_of(0, 9, 3))
    damaged = root / "Day 10/Sample B/two.cif"
    patch(damaged, write_sample(damaged, cells_of(1, 8, 3))[2].strip, b"\xff" * 9)
    write_sample(root / "Day 2/cells.cif", cells_of(1, 7, 3))
    for number, cell in enumerate(cells_of(0, 5, 4)):
        write_channel_tiffs(root / "Day 2/Sample A", f"cell_{number}", cell, ALL)
    return root


def run(files, trained, output, progress=None, **more):
    options = {"input": files, "output": output, "model": trained.model, "views": 1}
    return classify(ClassifyOptions(**(options | more)), progress)


@pytest.fixture(scope="module")
def classified(files, trained, tmp_path_factory):
    return run(files, trained, tmp_path_factory.mktemp("classified"))


@pytest.fixture(scope="module")
def predicted(files, trained, tmp_path_factory):
    """The same cells, parsed and predicted."""
    folder = tmp_path_factory.mktemp("predicted")
    parse(ParseOptions(input=files, output=folder / "parsed", frame=FRAME))
    places = {"input": folder / "parsed", "output": folder / "out", "model": trained.model}
    return predict(PredictOptions(**places, unannotated=True, views=1))


def table_in(result):
    return (result.output / "predicted.csv").read_bytes()


def test_labels_and_probabilities_are_those_of_parse_and_predict(classified, predicted):
    assert classified.cells == 9 + 7 + 7 + 5
    assert table_in(classified) == table_in(predicted)
    samples = [
        (each.output / "sample_summary.csv").read_bytes() for each in (classified, predicted)
    ]
    assert samples[0] == samples[1]
    assert classified.counts == predicted.counts
    facts = [json.loads(path.read_text("utf-8")) for path in records(classified, predicted)]
    assert facts[0]["likeness"] == facts[1]["likeness"]
    assert facts[0]["seen"] == facts[1]["seen"]


def records(classified, predicted):
    return classified.output / "classify.json", predicted.output / "predict.json"


def test_cells_that_are_read_again_are_the_same(files, trained, classified, monkeypatch, tmp_path):
    monkeypatch.setattr(file_cells, "KEPT", 4000)  # bytes: some files stay in memory, some do not
    again = run(files, trained, tmp_path, batch_size=5)
    ours, theirs = (pd.read_csv(each.output / "predicted.csv") for each in (again, classified))
    pd.testing.assert_frame_equal(ours, theirs, atol=1e-5)


def test_no_array_is_written_and_problems_are_listed(classified):
    names = {path.name for path in classified.output.rglob("*")}
    assert names == {
        "predicted.csv",
        "count_plot.png",
        "sample_summary.csv",
        "sample_summary.png",
        "sample_summary.svg",
        "report.html",
        "classify.json",
        "problems.csv",
    }
    problems = pd.read_csv(classified.output / "problems.csv")
    assert problems["object"].tolist() == [2]
    assert "1 cell could not be used" in str(classified)
    record = json.loads((classified.output / "classify.json").read_text("utf-8"))
    assert (record["cells"], record["problems"], record["frame"]) == (28, 1, FRAME)
    assert set(record["files"]) == names - {"classify.json"}


def test_the_cells_behind_a_count_are_read_from_their_files_again(classified, predicted):
    parsed = open_dataset(
        Path(json.loads(records(classified, predicted)[1].read_text("utf-8"))["options"]["input"])
    )
    again = open_classified(classified.output)
    assert [row[1:] for row in again.identities()] == [row[1:] for row in parsed.identities()]
    assert again.channels == parsed.channels
    chosen = np.array([20, 3, 27, 3])
    assert np.array_equal(again.read(chosen), parsed.read(chosen))
    found = find_cell(classified.output, "4 of two.cif")
    assert found.facts["label"] in "ABC"
    assert found.image.pixels.shape == (FRAME, FRAME, len(ALL))


def test_the_page_shows_counts_cells_and_problems(classified, files, trained):
    options = ClassifyOptions(input=files, output=classified.output, model=trained.model)
    jobs = Jobs()
    jobs.run("new", "classify", lambda _: classified, options)
    jobs.known["new"] = replace(jobs.known["new"], started=None)
    client = make_app(jobs).test_client()
    page = read_run(client, "new")
    assert "1 cell could not be used" in page
    assert "Draw heat maps" not in page  # which reads parsed cells
    cells = client.get("/cells/new?order=sure").text
    assert "data-row" in cells and "No pictures" not in cells
    picture = client.get("/cells/new/27/0.png")
    assert picture.status_code == 200 and picture.mimetype == "image/png"


def test_masks_of_classified_cells_come_from_their_files(classified, predicted, files, trained):
    """They are those of the same cells after a parse; .tif files have none."""
    options = ClassifyOptions(input=files, output=classified.output, model=trained.model)
    jobs = Jobs()
    jobs.run("new", "classify", lambda _: classified, options)
    jobs.known["new"] = replace(jobs.known["new"], started=None)
    client, masks = make_app(jobs).test_client(), []
    dataset = open_dataset(predicted.output.parent / "parsed")
    for row, (_, source, name) in enumerate(open_classified(classified.output).identities()):
        answer = client.get(f"/cells/new/{row}/origin.json")
        if not source.endswith(".cif"):
            assert answer.json["masks"] == []
            continue
        mask = find_origin(dataset, source, name).mask
        assert answer.json["masks"] == [
            "".join(map(str, plane.ravel().astype(int))) for plane in mask.transpose(2, 0, 1)
        ]
        masks.append(mask.any())
    assert len(masks) == 23 and any(masks)


def test_a_file_that_is_gone_is_named(files, trained, classified, tmp_path):
    moved = files.rename(files.with_name("moved"))
    try:
        with pytest.raises(DeepometryError, match="does not exist any more; put the files back"):
            open_classified(classified.output)
    finally:
        moved.rename(files)


def test_seen_cells_are_told_and_scores_are_of_the_others(trained, tmp_path):
    for kind, name in enumerate(("Class A", "Class B")):
        known, new = blobs(10, kind), blobs(6, kind, seed=7)
        write_sample(tmp_path / "in" / name / "cells.cif", [*known, *new], CHANNELS)
    told = []
    more = {"annotated": True, "export": "csv"}
    result = run(tmp_path / "in", trained, tmp_path / "out", Progress(on_say=told.append), **more)
    assert result.recognition.seen == 20
    assert any(text.startswith("Warning: 20 of 32 cells are among those") for text in told)
    assert result.confusion.sum() == 12
    table = pd.read_csv(tmp_path / "out" / "predicted.csv", keep_default_na=False)
    assert (table["seen"] != "").sum() == 20
    exported = pd.read_csv(result.exported)
    assert len(exported) == 32
    assert result.exported == tmp_path / "out" / "cells.csv"


def test_cells_of_another_scale_are_asked_about_and_nothing_is_left(trained, tmp_path):
    cells = [16 * cell for cell in blobs(30, 0, seed=5)]
    write_sample(tmp_path / "in" / "Class A" / "cells.cif", cells, CHANNELS)
    with pytest.raises(Question) as caught:
        run(tmp_path / "in", trained, tmp_path / "out")
    assert caught.value.option == "rescale"
    assert caught.value.choices[0].value == "0.0625"
    assert not (tmp_path / "out").exists()
    result = run(tmp_path / "in", trained, tmp_path / "out", rescale="auto")
    assert result.cells == 30
    assert "they count as samples, not as true labels" in str(result)


def test_a_cancelled_classification_leaves_nothing(files, trained, tmp_path):
    def stop(done, total, text):
        if text == "Predicting":
            progress.cancel()

    progress = Progress(stop)
    with pytest.raises(Cancelled):
        run(files, trained, tmp_path / "out", progress, batch_size=5)
    assert not (tmp_path / "out").exists()


def test_files_without_a_channel_of_the_model_are_refused(trained, tmp_path):
    write_sample(tmp_path / "in" / "cells.cif", blobs(3, 0, channels=2), (1, 3))
    expected = r"on channels 3,6, but the images in .*in have channels 1,3; choose images"
    with pytest.raises(DeepometryError, match=expected):
        run(tmp_path / "in", trained, tmp_path / "out")


def test_the_output_may_not_lie_among_the_files(files, tmp_path):
    options = {"input": files, "output": files / "out", "model": tmp_path}
    with pytest.raises(DeepometryError, match="lies in the new files"):
        classify(ClassifyOptions(**options))


def test_a_folder_of_another_prediction_is_refused(predicted, files, tmp_path):
    options = {"input": files, "output": predicted.output, "model": tmp_path, "overwrite": True}
    expected = r"no results of another step.* found predict\.json"
    with pytest.raises(DeepometryError, match=expected):
        classify(ClassifyOptions(**options))


def test_groups_need_true_labels(tmp_path):
    options = {"input": tmp_path, "output": tmp_path, "model": tmp_path}
    with pytest.raises(OptionsError, match="expected annotated cells"):
        ClassifyOptions(**options, group_by="Day")


def test_an_export_that_is_there_already_is_asked_about_before_the_work(files, tmp_path):
    (tmp_path / "cells.fcs").write_text("mine")
    options = {"input": files, "output": tmp_path, "model": tmp_path / "none", "export": "fcs"}
    with pytest.raises(Question, match=r"cells\.fcs exists already"):
        classify(ClassifyOptions(**options))


def test_large_images_can_only_be_cropped_to_the_frame_of_the_model():
    question = question_of(Fields(np.zeros((600, 600)), 0), 48, 600, fixed=True)
    assert [choice.value for choice in question.choices] == ["crop"]


def test_the_command_takes_files_model_and_output_in_this_order(tmp_path):
    options = ClassifyOptions(input=tmp_path / "a", output=tmp_path / "c", model=tmp_path / "b")
    words = command_words(options)
    assert words == ["deepometry", "classify", *(str(tmp_path / name) for name in "abc")]
