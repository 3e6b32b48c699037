"""IPython as a kernel runs it, but for the sockets: what a cell puts out is kept for the caller."""

import asyncio
import builtins
import fcntl
import getpass
import io
import os
import select
import signal
import struct
import sys
import termios
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from IPython.core import page
from IPython.core.compilerop import CachingCompiler, code_name
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell, InteractiveShellABC
from traitlets import Any as AnyTrait
from traitlets import Type
from traitlets.config import Config

_LINE = 20  # characters that a line counts as besides its own, since a file has it in quotes
_IMAGES = ("image/png", "image/jpeg", "application/pdf")


class Outputs:
    """What a cell has put out so far, in the form of a notebook, and never more than a limit."""

    def __init__(self, characters: int, count: int) -> None:
        self._characters, self._count = characters, count
        self._lock = threading.RLock()
        self._places: dict[str, list[tuple[int, dict[str, Any]]]] = {}  # by display id
        self.pipes: tuple[_Pipe, ...] = ()
        self.number = -2  # what comes before the first cell counts as one too
        self.begin()

    def begin(self) -> None:
        """Forget what the cell before this one has put out."""
        with self._lock:
            self.number += 1
            self.kept: list[dict[str, Any]] = []
            self.updates: list[tuple[int, int, dict[str, Any]]] = []
            self._room = self._characters
            self._clear_next = self._told = False

    def settle(self) -> None:
        """Wait for what commands and C code have written, so that it stands before what follows."""
        for pipe in self.pipes:
            pipe.settle()

    def stream(self, name: str, text: str) -> None:
        """Add to standard output or error."""
        with self._lock:
            self._clear_if_waiting()
            if _size(text) > self._room:
                most = self._room if "\n" not in text else self._room // (1 + _LINE)
                text = text[:most] + self._too_much()
            self._room = max(self._room - _size(text), 0)
            last = self.kept[-1] if self.kept else {}
            if last.get("name") == name:
                last["text"] += text
            elif text and len(self.kept) >= self._count:
                self._cut()
            elif text:
                self._add({"output_type": "stream", "name": name, "text": text})

    def _cut(self) -> None:
        """Say, as the last output, that there is no room for more."""
        if told := self._too_much():
            self._add({"output_type": "stream", "name": "stdout", "text": told})

    def _too_much(self) -> str:
        told, self._told = self._told, True
        limits = f"{self._characters:,} characters in {self._count:,} outputs"
        return "" if told else f"\n... (cut: a cell may put out {limits})\n"

    def show(self, output: dict[str, Any], display_id: str | None = None) -> None:
        """Add what is displayed, a result or an error."""
        with self._lock:
            self._clear_if_waiting()
            size = sum(map(_size, output.get("data", output).values()))
            if size > self._room or len(self.kept) >= self._count:
                self._cut()
                return
            self._room -= size
            self._add(output)
            if display_id is not None:
                self._places.setdefault(display_id, []).append((self.number, output))

    def update(self, display_id: str, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """Change what was displayed, by this cell or an earlier one."""
        with self._lock:
            size = sum(map(_size, data.values()))
            for number, output in self._places.get(display_id, []):
                if size <= self._room:
                    self._room -= size
                    output["data"], output["metadata"] = data, metadata
                    if number != self.number:
                        self.updates.append((number, output["place"], data))

    def clear(self, wait: bool) -> None:
        """Take away what this cell has put out; if `wait`, as soon as something else comes."""
        with self._lock:
            self._clear_next = wait
            if not wait:
                self.kept.clear()

    def _clear_if_waiting(self) -> None:
        if self._clear_next:
            self._clear_next = False
            self.kept.clear()

    def _add(self, output: dict[str, Any]) -> None:
        output["place"] = len(self.kept)
        self.kept.append(output)


def _size(part: object) -> int:
    text = str(part)
    return len(text) + _LINE * text.count("\n")


class _Stream(io.TextIOBase):
    """Standard output or error as Python's code sees it."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, outputs: Outputs, name: str, descriptor: int) -> None:
        self._outputs, self.name, self._descriptor = outputs, f"<{name}>", descriptor
        self._kind = name

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        self._outputs.settle()
        self._outputs.stream(self._kind, text)
        return len(text)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor


class _Pipe:
    """Standard output or error as the system knows it, which C code and commands write to."""

    def __init__(self, outputs: Outputs, name: str, descriptor: int) -> None:
        self._end, write = os.pipe()
        os.dup2(write, descriptor)
        os.close(write)
        self._outputs, self._name = outputs, name
        self._busy = threading.Lock()
        threading.Thread(target=self._read, daemon=True, name=name).start()

    def _read(self) -> None:
        while True:
            # To wait without the lock, so that whoever holds it knows that nothing is under way.
            select.select([self._end], [], [])
            with self._busy:
                text = os.read(self._end, 65536).decode("utf-8", "replace")
                self._outputs.stream(self._name, text)

    def settle(self) -> None:
        """Wait until all that was written has been read."""
        for _ in range(200):
            with self._busy:
                waiting = fcntl.ioctl(self._end, termios.FIONREAD, b"\0\0\0\0")
                if struct.unpack("i", waiting) == (0,):
                    return
            threading.Event().wait(0.001)


class _Publisher(DisplayPublisher):
    """Takes what `display` shows."""

    outputs = AnyTrait()

    def publish(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        source: object = None,  # noqa: ARG002
        *,
        transient: dict[str, Any] | None = None,
        update: bool = False,
        **_: Any,
    ) -> None:
        self._validate_data(data, metadata)  # type: ignore[no-untyped-call]
        self.outputs.settle()
        display_id = (transient or {}).get("display_id")
        data, metadata = _as_text(data), metadata or {}
        if update:
            self.outputs.update(display_id, data, metadata)
        else:
            self.outputs.show(
                {"output_type": "display_data", "data": data, "metadata": metadata}, display_id
            )

    def clear_output(self, wait: bool = False) -> None:
        self.outputs.clear(wait)


class _Hook(DisplayHook):
    """Takes the value of a cell's last line."""

    outputs = AnyTrait()

    def start_displayhook(self) -> None:
        self._result: dict[str, Any] = {}

    def write_output_prompt(self) -> None:
        self._result["execution_count"] = self.prompt_count

    def write_format_data(
        self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None
    ) -> None:
        self._result |= {"data": _as_text(format_dict), "metadata": md_dict or {}}

    def finish_displayhook(self) -> None:
        self.outputs.settle()
        if self._result.get("data"):
            self.outputs.show({"output_type": "execute_result", **self._result})


def _as_text(data: dict[str, Any]) -> dict[str, Any]:
    return {
        kind: b64encode(part).decode() if isinstance(part, bytes) and kind in _IMAGES else part
        for kind, part in data.items()
    }


class _Compiler(CachingCompiler):
    """Names cells as files, so that a traceback shows of them what it shows of files."""

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:  # noqa: ARG002
        name: str = code_name(raw_code, number)
        return f"/tmp/{name.strip('<>')}.py"


class Shell(InteractiveShell):
    """Runs cells, and returns what a kernel would have sent."""

    compiler_class = Type(_Compiler)

    displayhook_class = Type(_Hook)
    display_pub_class = Type(_Publisher)
    outputs = AnyTrait()

    def init_display_pub(self) -> None:
        """Have what `display` shows kept."""
        super().init_display_pub()  # type: ignore[no-untyped-call]
        self.display_pub.outputs = self.outputs  # type: ignore[attr-defined]

    def init_displayhook(self) -> None:
        """Have results kept."""
        super().init_displayhook()  # type: ignore[no-untyped-call]
        self.displayhook.outputs = self.outputs  # type: ignore[attr-defined]

    def init_hooks(self) -> None:
        """Show no pager."""
        super().init_hooks()  # type: ignore[no-untyped-call]
        nowhere = page.as_hook(lambda *_, **__: None)  # type: ignore[no-untyped-call]
        self.set_hook("show_in_pager", nowhere, 99)  # type: ignore[no-untyped-call]

    def enable_gui(self, gui: object = None) -> None:
        """Do nothing: there is no screen."""

    def ask_exit(self) -> None:
        """Let `exit` end nothing, as nbclient does, which runs the cells after it too."""

    def _showtraceback(self, etype: type, evalue: object, stb: list[str]) -> None:
        self.outputs.settle()
        self.outputs.show(
            {
                "output_type": "error",
                "ename": etype.__name__,
                "evalue": _said(evalue),
                "traceback": list(stb),
            }
        )

    def run(self, source: str) -> dict[str, Any]:
        """Run a cell.

        Returns:
            `status`, "ok" or "error"; `count`, the number of the prompt; `outputs` as in a
            notebook; and `updates`, to the outputs of earlier cells: the cell's number, counted
            from 0, that of the output, and its new data.
        """
        self.outputs.begin()
        fine = False
        with _interruptible():
            try:
                result = _loop().run_until_complete(self._run(source))
                fine = result.success
            except KeyboardInterrupt:
                self.showtraceback()
            except asyncio.CancelledError:
                self.showtraceback()
        self.outputs.settle()
        return {
            "status": "ok" if fine else "error",
            "count": self.execution_count - 1,
            "outputs": [
                {key: value for key, value in each.items() if key != "place"}
                for each in self.outputs.kept
            ],
            "updates": self.outputs.updates,
        }

    async def _run(self, source: str) -> Any:
        """Do as ipykernel does: `await` works in a cell, and tasks live on between cells."""
        fault = None
        try:
            transformed = self.transform_cell(source)  # type: ignore[no-untyped-call]
        except Exception:
            transformed, fault = source, sys.exc_info()
        if not self.should_run_async(
            source, transformed_cell=transformed, preprocessing_exc_tuple=fault
        ):
            return self.run_cell(source, store_history=True)  # type: ignore[no-untyped-call]
        running = asyncio.ensure_future(
            self.run_cell_async(
                source,
                store_history=True,
                transformed_cell=transformed,
                preprocessing_exc_tuple=fault,
            )
        )
        loop = asyncio.get_running_loop()
        signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(running.cancel))
        result = None
        try:
            result = await running
        finally:
            self.events.trigger("post_execute")
            self.events.trigger("post_run_cell", result)
        return result


def _said(value: object) -> str:
    try:
        return str(value)
    except Exception:
        return ""


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGINT interrupt what runs, and nothing after it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


_the_loop: asyncio.AbstractEventLoop | None = None


def _loop() -> asyncio.AbstractEventLoop:
    """The one event loop, unless a cell has closed it."""
    global _the_loop
    if _the_loop is None or _the_loop.is_closed():
        _the_loop = asyncio.new_event_loop()
        asyncio.set_event_loop(_the_loop)
    return _the_loop


def start_shell(limits: dict[str, int]) -> Shell:
    """Start the one shell of this process, and take over all ways to put something out."""
    outputs = Outputs(limits["characters"], limits["count"])
    _loop()
    for name in ("TERM", "CLICOLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
        os.environ[name] = "xterm-color" if name == "TERM" else "1"
    os.environ["PAGER"] = os.environ["GIT_PAGER"] = "cat"
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "neutral"
    shell = Shell.instance(config=config, outputs=outputs)
    outputs.pipes = (_Pipe(outputs, "stdout", 1), _Pipe(outputs, "stderr", 2))
    sys.stdout = _Stream(outputs, "stdout", 1)
    sys.stderr = _Stream(outputs, "stderr", 2)
    InteractiveShellABC.register(Shell)
    builtins.input = _no_input("input")
    getpass.getpass = _no_input("getpass")
    return shell


def _no_input(name: str) -> Callable[..., NoReturn]:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise StdinNotImplementedError(
            f"{name} was called, but nobody is there to answer while a notebook is graded."
        )

    return refuse
