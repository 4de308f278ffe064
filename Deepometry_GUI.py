"""Start Deepometry's page from a checkout: `python Deepometry_GUI.py`, as `deepometry gui` does."""

import sys

try:
    from deepometry.cli import main
except ModuleNotFoundError as error:
    sys.exit(f"{error}. Install what Deepometry needs first: pip install .")

if __name__ == "__main__":
    main(["gui", *sys.argv[1:]])
