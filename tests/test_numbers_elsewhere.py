"""Predicted numbers in exports, maps, comparisons, lists of runs and summaries."""

import numpy as np
import pandas as pd
import pytest

from deepometry.core.errors import DeepometryError
from deepometry.core.options.compare import CompareOptions
from deepometry.core.options.embed import EmbedOptions
from deepometry.core.options.export import ExportOptions
from deepometry.core.options.predict import ExtractOptions
from deepometry.core.progress import Progress
from deepometry.core.run_records import read_json
from deepometry.exports.write import export
from deepometry.inference.extract import extract
from deepometry.maps.cell_table import read_map_cells, with_predictions
from deepometry.maps.colouring import choose_colourings
from deepometry.maps.embed import embed
from deepometry.projects.compare import compare
from deepometry.projects.score import main_number

pytestmark = pytest.mark.slow


@pytest.fixture
def predicted(days_predicted):
    return days_predicted


@pytest.fixture(scope="module")
def features(days, days_trained, tmp_path_factory):
    output = tmp_path_factory.mktemp("features")
    extract(ExtractOptions(input=days / "Hold-out", output=output, model=days_trained.model))
    return output


def numbers_of(result):
    return pd.read_csv(result.output / "predicted.csv")["predicted_value"].to_numpy()


def exported(result, path):
    export(ExportOptions(input=result.output, output=path), Progress())
    return path


# --- exports ------------------------------------------------------------------------------------


def test_tables_have_the_numbers(predicted, tmp_path):
    expected = numbers_of(predicted)
    table = pd.read_csv(exported(predicted, tmp_path / "cells.csv"))
    assert table["predicted_value"].to_numpy() == pytest.approx(expected)
    parquet = pd.read_parquet(exported(predicted, tmp_path / "cells.parquet"))
    assert parquet["predicted_value"].dtype == np.float64
    assert parquet["lower"].to_numpy() == pytest.approx(table["lower"].to_numpy())


def test_cytometry_files_have_the_numbers(predicted, tmp_path):
    import flowio

    data = flowio.FlowData(str(exported(predicted, tmp_path / "cells.fcs")))
    names = [data.channels[n]["pnn"] for n in sorted(data.channels)]
    events = np.reshape(data.events, (-1, len(names)))
    assert events[:, names.index("predicted_value")] == pytest.approx(numbers_of(predicted))
    assert "Class" not in names


def test_scanpy_and_matlab_files_have_the_numbers(predicted, tmp_path):
    import anndata
    from scipy.io import loadmat

    obs = anndata.read_h5ad(exported(predicted, tmp_path / "cells.h5ad")).obs
    assert obs["predicted_value"].to_numpy() == pytest.approx(numbers_of(predicted))
    content = loadmat(exported(predicted, tmp_path / "cells.mat"))
    names = [str(each[0][0]) for each in content["numbers_names"]]
    column = content["numbers"][:, names.index("predicted_value")]
    assert column == pytest.approx(numbers_of(predicted))


@pytest.mark.parametrize("format", ["clr", "ideas"])
def test_formats_of_classes_say_what_to_take_instead(predicted, tmp_path, format):
    options = ExportOptions(input=predicted.output, output=tmp_path / "a.zip", format=format)
    with pytest.raises(DeepometryError, match="found predicted numbers, which FCS and tables hold"):
        export(options, Progress())


# --- maps ---------------------------------------------------------------------------------------


def test_a_map_is_coloured_by_the_predicted_number(features, predicted, tmp_path):
    options = EmbedOptions(
        input=features, output=tmp_path, method="pca", predictions=predicted.output
    )
    result = embed(options)
    table = pd.read_csv(tmp_path / "coordinates.csv")
    assert table["predicted_value"].to_numpy() == pytest.approx(numbers_of(predicted), rel=1e-4)
    names = [path.name for path in result.plots]
    assert "map_pca_predicted_Day.png" in names
    assert "map_pca_true_Day.svg" in names


def test_features_alone_have_the_number_of_their_network(features):
    cells = read_map_cells(features / "metadata.tsv", Progress())
    assert "predicted_value" not in cells.columns
    assert np.isfinite(cells.numbers["predicted_value"]).all()
    assert choose_colourings(cells, None)[0].title == "predicted number"


def test_groups_are_no_numbers_but_measured_labels_are(tmp_path):
    rows = [f"cells.cif\t{n}\t{n % 30}\t{n / 7:.3f}" for n in range(60)]
    (tmp_path / "metadata.tsv").write_text("\n".join(["source\tobject\tWell\tDNA", *rows]))
    cells = read_map_cells(tmp_path / "metadata.tsv", Progress())
    assert list(cells.columns) == ["Well"]
    assert cells.numbers["DNA"][7] == pytest.approx(1)


def test_predictions_without_label_or_number_are_refused(features, tmp_path):
    cells = read_map_cells(features / "metadata.tsv", Progress())
    (tmp_path / "predicted.csv").write_text("source,object,colour\na,1,red\n")
    with pytest.raises(DeepometryError, match="label or predicted_value, found source, object"):
        with_predictions(cells, tmp_path, tmp_path, Progress())


# --- runs ---------------------------------------------------------------------------------------


def test_runs_of_numbers_are_compared_by_their_scores(predicted, days_trained, tmp_path):
    runs = (predicted.output, days_trained.model.parent)
    result = compare(CompareOptions(runs=runs, output=tmp_path))
    assert "its cells are not compared" in str(result)
    assert "Mean absolute error" in str(result) and "Accuracy" not in str(result)
    table = pd.read_csv(tmp_path / "comparison.csv")
    assert {"mae", "r2"} <= set(table["score"])
    assert (tmp_path / "comparison.png").stat().st_size > 5000


def test_a_number_is_not_compared_with_classes(predicted, days_ordered):
    with pytest.raises(DeepometryError, match="all predict classes or all predict a number"):
        compare(CompareOptions(runs=(predicted.output, days_ordered.model.parent)))


def test_lists_of_runs_show_r2(predicted, days_trained):
    record = read_json(predicted.output / "predict.json")
    assert main_number(record).endswith(f"R2 {predicted.scores['r2']:.3f}")
    own = read_json(days_trained.model.parent / "train.json")
    assert main_number(own) == f"validation R2 {days_trained.description.scores['val_r2']:.3f}"
