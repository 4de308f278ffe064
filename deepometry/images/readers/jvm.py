"""The Java machine behind Bio-Formats: one a process, on a thread of its own, quiet.

All work with Java runs on that one thread, whichever thread asks: a thread must be attached to
Java before it may use it and detached before it ends, and whoever asks here need not care. It
is a daemon, and so is the one that javabridge starts from it: neither keeps a program from ending.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from queue import SimpleQueue
from typing import Any, TypeVar

import numpy as np

from deepometry.core.errors import DeepometryError, OptionsError

TEXT = "Ljava/lang/String;"  # in signatures of methods

Result = TypeVar("Result")

# Without -Xrs Java would take Ctrl-C for itself and end the program at once.
_ARGUMENTS = ("-Xrs",)
_ADVICE = (
    'install a JDK, set JAVA_HOME to its folder, and `pip install "deepometry[bioformats]"` as '
    "the documentation explains under How to, or choose the reader own"
)


class JavaError(Exception):
    """What Java has thrown, as one line: the message, and the kind of exception."""


def run(work: Callable[[], Result]) -> Result:
    """Do some work on the thread of Java, which is started if need be; return its result.

    Raises
    ------
    OptionsError
        There is no python-bioformats, or no Java that works.
    DeepometryError
        This process was forked from one that used Java.
    """
    return _start().run(work)


class JavaObject:
    """An object in Java, of a class or interface, for use on the thread of Java only."""

    def __init__(self, handle: Any, kind: str) -> None:
        self.handle, self._kind = handle, kind

    def call(self, name: str, signature: str, *values: Any) -> Any:
        """Call a method of a signature such as `(III)I`; raise `JavaError` if it has thrown."""
        # Straight through JNI: javabridge's own `call` prints whatever is thrown.
        env = _env()
        result = env.call_method(self.handle, _method(self._kind, name, signature), *values)
        _raise_thrown(env)
        return result


def new(kind: str, signature: str = "()V", *values: Any) -> Any:
    """Make an object of a class, return its handle; raise `JavaError` if that has thrown."""
    env = _env()
    handle = env.new_object(_class(kind), _method(kind, "<init>", signature), *values)
    _raise_thrown(env)
    return handle


def call_static(kind: str, name: str, signature: str, *values: Any) -> Any:
    """Call a static method of a class, as `JavaObject.call` does one of an object."""
    env = _env()
    method = env.get_static_method_id(_class(kind), name, signature)
    result = env.call_static_method(_class(kind), method, *values)
    _raise_thrown(env)
    return result


def to_java(text: str) -> Any:
    """Make a Java string."""
    return _env().new_string(text)


def from_java(text: Any) -> str:
    """Copy a Java string; blank for none."""
    return "" if text is None else _env().get_string(text)


def read_bytes(array: Any) -> np.ndarray:
    """Copy a Java byte array: uint8, one axis."""
    data: np.ndarray = _env().get_byte_array_elements(array)
    return data


def read_strings(array: Any) -> list[str]:
    """Copy a Java array of strings, or none for no array."""
    if array is None:
        return []
    return [from_java(text) for text in _env().get_object_array_elements(array)]


class _JavaThread:
    """The thread, and what it is to do."""

    def __init__(self) -> None:
        self._work: SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, daemon=True, name="Java")
        self._thread.start()

    def run(self, work: Callable[[], Result]) -> Result:
        if threading.current_thread() is self._thread:  # such as an object collected there
            return work()
        if not self._thread.is_alive():
            raise DeepometryError(
                "Bio-Formats cannot be used in a process forked from one that has used it: start "
                "it another way (multiprocessing has `spawn`), or choose the reader own."
            )
        future: Future[Result] = Future()
        self._work.put((work, future))
        return future.result()

    def _serve(self) -> None:
        while True:
            work, future = self._work.get()
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 (raised where the work was asked for)
                future.set_exception(error)
            del work, future  # or the last result would live until there is more to do


_lock = threading.Lock()
_started: list[_JavaThread] = []


def _start() -> _JavaThread:
    """Return the thread of Java, with the machine running."""
    with _lock:
        if not _started:
            try:
                _started.append(_start_machine())
            except ModuleNotFoundError as error:
                raise _refusal(f"python-bioformats, found no {error.name}") from error
            except Exception as error:  # javabridge raises plain ones where there is no Java
                raise _refusal(f"Bio-Formats and Java that work, found none ({error})") from error
        return _started[0]


def _start_machine() -> _JavaThread:
    import bioformats
    import javabridge

    def start() -> None:
        javabridge.start_vm([*_ARGUMENTS], bioformats.JARS, run_headless=True)
        if javabridge.get_env() is None:  # started by someone else, on another thread
            javabridge.attach()
        silence = ("loci/common/DebugTools", "setRootLevel", f"({TEXT})V")
        call_static(*silence, to_java("OFF"))

    thread = _JavaThread()
    thread.run(start)
    return thread


def _refusal(what: str) -> OptionsError:
    return OptionsError({"reader": f"Reader: expected {what}; {_ADVICE}."})


def _env() -> Any:
    import javabridge

    return javabridge.get_env()


@cache
def _class(kind: str) -> Any:
    return _env().find_class(kind)


@cache
def _method(kind: str, name: str, signature: str) -> Any:
    return _env().get_method_id(_class(kind), name, signature)


def _raise_thrown(env: Any) -> None:
    thrown = env.exception_occurred()
    if thrown is not None:
        env.exception_clear()  # nothing else can be called before
        text = JavaObject(thrown, "java/lang/Object").call("toString", f"(){TEXT}")
        raise JavaError(_one_line(from_java(text)))


def _one_line(text: str) -> str:
    """Turn `some.package.SomeException: what happened` into words, the kind last."""
    kind, _, message = " ".join(text.split()).partition(": ")
    kind = kind.rsplit(".", 1)[-1]
    return f"{message.rstrip('.')} ({kind})" if message else kind
