"""The errors that a user can cause, and sentences for errors of the system."""

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class DeepometryError(ValueError):
    """An error that the user can correct, explained in one sentence.

    The sentence names the file or field, what was expected, what was found and what to do.
    """


class OptionsError(DeepometryError):
    """One or more options of a step that cannot be used.

    Attributes
    ----------
    fields : dict of str to str
        For every option at fault, by its field name, the sentence that explains the error.
    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = dict(fields)
        super().__init__("\n".join(self.fields.values()))


@dataclass(frozen=True)
class Choice:
    """One answer to a `Question`.

    Attributes
    ----------
    value : str
        What the option takes for it, such as `cells`.
    label : str
        What it means, in a few words, such as "Every page is a cell".
    detail : str
        What would come of it here, such as "36 files = 12 cells x DAPI, PE, BF".
    picture : bytes
        A .png that shows it; empty without.
    """

    value: str
    label: str
    detail: str = ""
    picture: bytes = b""


class Question(OptionsError):
    """What a step cannot decide for the user: the value of one option, among a few.

    The command line names the option and its values; the page shows the choices.

    Attributes
    ----------
    option : str
        Field name of the option, such as `pages`.
    choices : tuple of Choice
        What it may be.
    """

    def __init__(self, option: str, message: str, choices: Sequence[Choice]) -> None:
        self.option, self.choices = option, tuple(choices)
        super().__init__({option: message})


class UnknownOption(DeepometryError, TypeError):
    """A keyword that is no option of the step."""


def lacks_memory(error: Exception) -> bool:
    """Return whether memory ran out, also by TensorFlow's error, without importing TensorFlow."""
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
    """Convert an error of the system to one sentence about `path`, or the file that it names."""
    name = path if path is not None else error.filename
    reason = _WORDS.get(error.errno or 0) or (error.strerror or str(error))
    return DeepometryError(f"{name}: {reason}." if name else f"{reason[0].upper()}{reason[1:]}.")
