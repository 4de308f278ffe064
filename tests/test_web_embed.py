"""Map of cells: its form below the features, what it takes from them, and its results."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime
from types import SimpleNamespace

import pytest

from deepometry.core.options.embed import EmbedOptions
from deepometry.core.options.predict import ExtractOptions
from deepometry.core.step_options import command_line, restored
from deepometry.core.steps import step_of
from deepometry.maps.embed import embed
from deepometry.web import create_app
from tests.features_table import features_of, write_features, write_predictions
from tests.results_runs import Jobs, make_app, read_run

HTMX = {"HX-Request": "true"}


@pytest.fixture
def app(tmp_path, monkeypatch):
    """The application; its jobs wait, since nothing starts them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return create_app({"HOME": tmp_path / "home", "TESTING": True, "WTF_CSRF_ENABLED": False})


@pytest.fixture
def folder(tmp_path):
    return write_features(tmp_path / "features", features_of(60))


def sent(app, **values):
    return app.test_client().post("/run/embed", data=values, headers=HTMX).text


def test_the_form_stands_in_the_column_of_the_features(app):
    page = app.test_client().get("/").text
    column = page[page.index('id="step-extract"') : page.index('id="past-jobs"')]
    assert 'id="step-embed"' in column and 'id="results-embed"' in column
    assert '<option value="tsne">t-SNE</option>' in column
    assert page.count('<section class="step"') == 4


def test_it_starts_a_job_with_what_it_shows(app, folder, tmp_path):
    predictions = write_predictions(tmp_path / "p", range(60))
    given = {"method": "phate", "dims": "3", "color": "Class, Day", "neighbors": "7"}
    page = sent(app, input=folder, output=tmp_path / "map", predictions=predictions, **given)
    (job,) = app.extensions["jobs"].list()
    expected = EmbedOptions(
        input=folder, output=tmp_path / "map", method="phate", dims=3, color=("Class", "Day"),
        neighbors=7, predictions=predictions,
    )  # fmt: skip
    assert restored(step_of(expected), job.options) == expected
    assert job.command == command_line(expected)
    assert "--color Class,Day" in job.command and f'id="job-{job.id}"' in page
    past = app.test_client().get("/jobs").text
    assert "Map of cells" in past and "&#34;color&#34;: &#34;Class,Day&#34;" in past


def test_mistakes_are_said_before_it_is_a_job(app, folder, tmp_path):
    page = sent(app, input=tmp_path, output=tmp_path / "map", neighbors="1")
    assert "No features in it; enter the output folder of Extract." in page
    assert "Expected a whole number from 2 to 1000" in page
    page = sent(app, input=folder, output=tmp_path / "map", predictions=tmp_path / "none")
    assert "does not exist" in page
    page = sent(app, input=folder, output=tmp_path / "map", predictions=tmp_path)
    assert "No predictions in it" in page
    assert app.extensions["jobs"].list() == []


@pytest.mark.parametrize(
    ("kind", "said"), [("features", "Features."), ("predictions", "Predictions.")]
)
def test_the_line_under_a_path_tells_what_is_there(app, folder, tmp_path, kind, said):
    write_predictions(folder, range(3))
    client = app.test_client()
    for path, expected in (
        (folder, "Features of 60 cells." if kind == "features" else said),
        (tmp_path, f"No {kind} in it"),
        (folder / "extract.json", f"No table of {kind}"),
        (folder / "gone", "Not found"),
    ):
        for _ in range(50):
            found = client.get("/browse/check", query_string={"path": path, "kind": kind}).json
            if not found.get("pending"):
                break
        assert expected in found["text"]
    assert kind in client.get("/browse", query_string={"path": folder, "kind": kind}).text


# --- results ------------------------------------------------------------------------------------


@pytest.fixture
def client(folder):
    jobs = Jobs()
    options = EmbedOptions(input=folder, output=folder / "map", method="pca")
    jobs.run("map", "embed", embed, options)
    return make_app(jobs).test_client()


def test_results_show_every_picture(client):
    page = read_run(client, "map")
    pictures = re.findall(r'<img [^>]*src="([^"]+)"', page)
    assert len(pictures) == 3
    for address in pictures:
        answer = client.get(address.replace("&amp;", "&"))
        assert answer.mimetype == "image/png"
        assert answer.data.startswith(b"\x89PNG")
    assert "A 20, B 20, C 20" in page
    assert "PCA, 2-D" in page and "coordinates.csv" in page
    drawn = client.get("/jobs/map/results/file/map_pca_Class.svg", buffered=True)
    assert drawn.headers["Content-Disposition"].startswith("attachment")


def test_pictures_that_are_not_there(client, folder):
    assert client.get("/jobs/map/results/map/9.png").status_code == 404
    assert client.get("/jobs/none/results/map/0.png").status_code == 404
    (folder / "map" / "map_pca_prediction_Class.png").unlink()
    assert client.get("/jobs/map/results/map/0.png").status_code == 410


def test_a_map_is_begun_from_the_features(app, folder):
    now = time.time()
    record = json.loads((folder / "extract.json").read_text("utf-8"))
    record["written"] = datetime.fromtimestamp(now).astimezone().isoformat()
    (folder / "extract.json").write_text(json.dumps(record), "utf-8")
    options = ExtractOptions(input=folder, output=folder, model=folder / "m.keras")
    jobs = app.extensions["jobs"]
    extracted = jobs.record(options, SimpleNamespace(cells=60), now, now + 1)
    page = app.test_client().post(f"/jobs/{extracted.id}/results/map", headers=HTMX).text
    job = next(each for each in jobs.list() if each.verb == "embed")
    expected = EmbedOptions(input=folder, output=folder / "map_pca", method="pca")
    assert restored(step_of(expected), job.options) == expected
    assert "Drawing the map" in page
    assert 'id="jobs-embed"' in page and f'id="job-{job.id}"' in page
