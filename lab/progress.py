"""What is going on, while it goes on: one moving line on a terminal, plain lines elsewhere."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_WIDTH = 100
_CLEAR = "\r\x1b[K"

Tell = Callable[[str], None]


@dataclass
class _Step:
    title: str
    began: float
    doing: str = ""

    def line(self) -> str:
        seconds = f"{time.monotonic() - self.began:.0f} s"
        return ", ".join(part for part in (f"{self.title} {seconds}", self.doing) if part)


_running: list[_Step] = []
_printing = threading.Lock()


@contextmanager
def step(title: str) -> Iterator[Tell]:
    """Say that `title` is going on and, at its end, how long it took; several may overlap.

    The function it gives takes a few words on what the step is at.
    """
    this = _Step(title, time.monotonic())
    on_terminal = sys.stderr.isatty()
    with _printing:
        _running.append(this)
        if not on_terminal:
            print(f"lab: {title} …", file=sys.stderr, flush=True)
        elif len(_running) == 1:
            threading.Thread(target=_turn, daemon=True).start()

    def tell(doing: str) -> None:
        this.doing = doing

    outcome = "failed after"
    try:
        yield tell
        outcome = "done in"
    finally:
        seconds = time.monotonic() - this.began
        with _printing:
            _running.remove(this)
            clear = _CLEAR if on_terminal else ""
            print(f"{clear}lab: {title}: {outcome} {seconds:.1f} s", file=sys.stderr, flush=True)


def _turn() -> None:
    """Draw the moving line until no step is left."""
    frame = 0
    while True:
        with _printing:
            if not _running:
                return
            line = f"{_FRAMES[frame]} lab: {' · '.join(step.line() for step in _running)}"
            print(f"{_CLEAR}{line[:_WIDTH]}", end="", file=sys.stderr, flush=True)
        frame = (frame + 1) % len(_FRAMES)
        time.sleep(0.12)
