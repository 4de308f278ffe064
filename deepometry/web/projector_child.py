"""TensorBoard as a process of its own that ends with the server that started it.

Run as `python -m deepometry.web.projector_child --logdir ... --host ... --port ...`.
"""

from __future__ import annotations

import os
import threading
from importlib import import_module


def _end_with_the_server() -> None:
    """Wait until the other end of the standard input closes, as it does when the server ends."""
    while os.read(0, 1):  # not sys.stdin, whose lock would trouble the end of the process
        pass
    os._exit(0)


def main() -> None:
    """Run TensorBoard."""
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    import_module("tensorboard.main").run_main()


if __name__ == "__main__":
    main()
