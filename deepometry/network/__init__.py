"""Deep networks: how they are built, computed, stored, and loaded."""
