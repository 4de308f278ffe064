"""The demo: the whole protocol on example cells."""

import pytest

from deepometry.core.errors import DeepometryError
from deepometry.core.options.example import DemoOptions
from deepometry.protocol import demo

pytestmark = pytest.mark.slow


def test_the_demo_runs_the_whole_protocol(tmp_path):
    said = []
    result = demo(
        DemoOptions(output=tmp_path / "demo", cells=140, epochs=1),
        lambda done, total, text: said.append((done, total)),
    )
    assert result.predicted.confusion.sum() == result.predicted.cells > 20
    assert len(result.predicted.labels) == 7
    assert result.extracted.cells == 140
    assert result.trained.model.is_file()
    assert f"{result.predicted.scores['accuracy']:.3f}" in str(result)
    steps = [type(run.options).__name__.removesuffix("Options") for run in result.runs]
    assert steps == ["Example", "Parse", "Train", "Predict", "Extract"]
    assert all(run.started <= run.finished for run in result.runs)
    assert said and all(0 <= done <= total or not total for done, total in said)
    with pytest.raises(DeepometryError, match="new or empty folder"):
        demo(DemoOptions(output=tmp_path / "demo", cells=140, epochs=1))
