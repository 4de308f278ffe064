"""`python -m deepometry`: the same as the command `deepometry`."""

from deepometry.cli import main

if __name__ == "__main__":
    main()
