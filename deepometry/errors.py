"""The one family of errors a user can cause, and the words for what the system reports."""

import errno
from collections.abc import Mapping
from pathlib import Path


class DeepometryError(ValueError):
    """A mistake that the user can mend, told in one sentence.

    The sentence names the file or field, what was expected, what was found and what to do.
    """


class OptionsError(DeepometryError):
    """One or more options of a step that cannot be used.

    Attributes
    ----------
    fields : dict of str to str
        For every option at fault, by its field name, the sentence that says what is wrong.
    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = dict(fields)
        super().__init__("\n".join(self.fields.values()))


def lacks_memory(error: Exception) -> bool:
    """Tell whether an error is for want of memory; TensorFlow's own, too, which is not loaded."""
    return isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"


_WORDS = {
    errno.ENOSPC: "the disk is full: free some space or choose another disk",
    getattr(errno, "EDQUOT", -1): "your disk quota is used up: free some space",
    errno.EACCES: "permission is denied: close programs that have it open, or choose a place that "
    "you may read and write",
    errno.EPERM: "permission is denied: choose a place that you may read and write",
    errno.EROFS: "the disk is read-only: choose another one",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
    errno.ENOTDIR: "a part of the path is a file, not a folder: choose another place",
    errno.EEXIST: "a file of that name is in the way: choose another place",
    errno.ENOENT: "it does not exist: check the path",
    errno.EMFILE: "too many files are open: close other programs, then try again",
}


def explain_os_error(error: OSError, path: Path | str | None = None) -> DeepometryError:
    """Turn what the operating system reported into one sentence.

    Parameters
    ----------
    error : OSError
        The error as raised.
    path : path-like, optional
        The file to name; by default the one that the error itself carries.

    Returns
    -------
    DeepometryError
        To be raised in its place.
    """
    name = path if path is not None else error.filename
    reason = _WORDS.get(error.errno or 0) or (error.strerror or str(error))
    return DeepometryError(f"{name}: {reason}." if name else f"{reason[0].upper()}{reason[1:]}.")
