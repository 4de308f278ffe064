"""Projects: the folder of an experiment, the runs in it, and what follows from what."""
