"""Expected calibration error of a hold-out with the temperature of the model, and without.

    python tests/benchmarks/calibration.py jurkat_cell_cycle.npz --work /tmp/calibration --epochs 10

The file is that of `jurkat_protocol.py`, whose cells it learns from without their DNA stain, with
the options of `deepometry train` that are given. Prints the calibration error of the hold-out and
of the validation cells, on which the temperature was fitted, and accuracy and log loss.
"""

import argparse
import json
from pathlib import Path

from jurkat_protocol import command, write_tiffs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("npz", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="a new folder for everything")
    parser.add_argument("--channels", default="3,6", help="channels to learn from")
    options, more = parser.parse_known_args()
    work = options.work
    write_tiffs(options.npz, work / "images")
    command("parse", work / "images", work / "parsed", "--split", "80/20", "--montage", "0")
    learn = ["--target", "Class", "--channels", options.channels, *more]
    command("train", work / "parsed/Train", work / "model", *learn)
    command("predict", work / "parsed/Hold-out", work / "predictions", "--model", work / "model")
    report(work)


def report(work: Path) -> None:
    """Print the errors, before and after."""
    found = json.loads((work / "predictions/evaluation.json").read_text("utf-8"))
    told = json.loads((work / "model/train.json").read_text("utf-8"))["scores"]
    scores = {each["name"]: each for each in found["scores"] if not each["label"]}
    print(f"temperature {found['temperature']:.3f}")
    before = told["val_calibration_error_before"]
    print(f"validation: error {before:.4f} without, {told['val_calibration_error']:.4f} with")
    before = found["calibration_error_without_temperature"]
    print(f"hold-out: error {before:.4f} without, {scores['calibration_error']['value']:.4f} with")
    for name in ("accuracy", "balanced_accuracy", "brier", "log_loss"):
        print(f"{name} {scores[name]['value']:.3f}")


if __name__ == "__main__":
    main()
