"""Which process runs which tests: files that share much together, and what takes long first."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

# Clicked through once for all of these; see `tests.browser.protocol`
_PROTOCOL = (
    *("elsewhere", "evaluation", "folding", "keyboard", "layout", "protocol", "results"),
    "side_by_side",
)
_TOGETHER = {
    **{f"tests/browser/test_{name}.py": "the protocol in a browser" for name in _PROTOCOL},
    "tests/browser/": "a browser",
    "tests/test_number": "numbers",
    "tests/test_predict_numbers.py": "numbers",
    "tests/test_web_numbers.py": "numbers",
}
# Half a minute or more. At the end, when a process has nothing more to do, the others soon have not
_LONG = (
    *("the protocol in a browser", "a browser", "numbers"),
    *(f"tests/test_{name}.py" for name in ("kills", "web_jobs", "transfer", "train", "precision")),
    *(f"tests/test_{name}.py" for name in ("cross_validation", "baseline", "imagenet", "embed")),
)


class ByFile(LoadFileScheduling):
    """Give the tests of a file to one process, and those of several files where they share much."""

    def _split_scope(self, nodeid: str) -> str:
        shared = (name for start, name in _TOGETHER.items() if nodeid.startswith(start))
        return next(shared, None) or super()._split_scope(nodeid)

    def _assign_work_unit(self, node) -> None:
        first = next((name for name in _LONG if name in self.workqueue), None)
        if first is not None:
            self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)
