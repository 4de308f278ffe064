"""What a model goes by: the cell, its background, channels, fine detail; and what it should not."""
