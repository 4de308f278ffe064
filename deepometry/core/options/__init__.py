"""One frozen dataclass of options a step: the only configuration there is.

The command line, the page and Python all build these classes, from text or from values; each
field carries its label, its help and the function that reads it. All fields are checked at
once, and `OptionsError` says for each what was expected and what was found.
"""
