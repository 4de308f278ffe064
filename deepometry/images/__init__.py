"""Images as instruments write them: one cell at a time, and how to bring it into a frame."""
