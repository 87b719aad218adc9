"""What is seen of long work: on a terminal of 80 columns, and in a log."""

import io
import re
import threading
from pathlib import Path

import pytest
from rich.console import Console

from imagenetq import progress as module
from imagenetq.progress import Tally, meter, working

ROOT = Path(__file__).parents[1]
FOLDERS = ("builder", "evaluate", "src")
ALL_VARIANTS = 52 * 50_000


def terminal(width: int = 80) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)


def lines(console: Console) -> list[str]:
    return re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue()))


def labels() -> list[str]:
    code = "".join(p.read_text() for folder in FOLDERS for p in (ROOT / folder).rglob("*.py"))
    return re.findall(r'meter\(\s*"([^"]+)"', code)


@pytest.mark.parametrize("width", [60, 80])
def test_a_narrow_bar_keeps_count_and_times_whatever_it_is_called(width):
    assert {"looking into the cache", "evaluating", "rendering"} <= {*labels()}
    for label in labels():
        console = terminal(width)
        with meter(label, ALL_VARIANTS, "photographs", console) as progress:
            progress.show(
                Tally(ALL_VARIANTS // 2, 0, 10**11),
                ["jpeg2000-40: 50000", "waiting for the device"],
            )
        shown = [line for line in lines(console) if "1300000" in line][-1]
        assert len(shown) <= width
        assert re.match(rf"{label} .*1300000/2600000 .* 0:00:0\d +(\d:\d\d:\d\d|-:--:--)", shown)
        assert "…" not in shown


def test_a_wide_terminal_has_room_for_every_fact():
    console = terminal(160)
    with meter("evaluating", 100, "images", console) as progress:
        progress.show(Tally(50, 0, 2000), ["jpeg-10: 9", "waiting for the device"])
    assert any("2.0 kB, jpeg-10: 9, waiting for the device" in line for line in lines(console))


def test_one_display_at_a_time():
    console = terminal()
    with meter("evaluating", 10, "images", console), working("loading a library", console):
        console.file.truncate(0)
        console.file.seek(0)
        module._displays[-1].refresh()
        assert "loading a library" in console.file.getvalue()
        assert "evaluating" not in console.file.getvalue()
    assert module._displays == []


def test_a_spinner_stays_in_one_line_however_long_the_path():
    console = terminal(60)
    with working(f"drawing every variant of /photos/{'a' * 80}/cat.png", console):
        module._displays[-1].refresh()
        shown = [line for line in lines(console) if line.strip()]
    assert {line.rstrip().endswith("0:00:00") for line in shown} == {True}
    assert "drawing every variant of /photos/aaaa" in shown[0]
    assert max(map(len, shown)) <= 60


def test_a_log_tells_what_takes_long(monkeypatch, capsys):
    log = Console(file=io.StringIO())
    monkeypatch.setattr(module, "_LOG_SECONDS", 0.0)
    with meter("verifying", 10, "images", log) as progress:
        progress.advance(4)
    assert re.match(r"verifying: 4 of 10 images, \d+ images/s, 0 s left\n", capsys.readouterr().err)
    with meter("verifying", 0, "images", log) as progress:
        progress.advance(4)
    assert capsys.readouterr().err.startswith("verifying: 4 images, ")
    with working("loading", log):
        for thread in threading.enumerate():
            if isinstance(thread, threading.Timer):
                thread.join()
    assert capsys.readouterr().err == "loading\n"
