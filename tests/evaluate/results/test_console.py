"""Results as text: tables on a terminal, plain lines elsewhere."""

import io
from xml.etree import ElementTree

import numpy as np
import pytest
from rich.console import Console

from fake_predictions import ALL, columns, result, run
from imagenetq.evaluate.results.comparison import compare
from imagenetq.evaluate.results.console import (
    comparison_lines,
    print_comparison,
    print_result,
    result_lines,
    sparkline,
)
from imagenetq.evaluate.results.result import Result
from imagenetq.predictions import Predictions
from imagenetq.specification import LADDERS


def falling(strongest: int = 50) -> Result:
    """100 images; each distortion's levels are answered 100, 95, 90 .. times in a hundred."""
    rank = np.full((100, len(ALL)), 6)
    level = 0
    for i, name in enumerate(ALL):
        first = i == 0 or name.partition("-")[0] != ALL[i - 1].partition("-")[0]
        level = 0 if first else level + 1
        rank[: max(100 - 5 * level, strongest), i] = 1
    return Result.of(run(), Predictions.from_columns(columns(rank)))


class Terminal(io.StringIO):
    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:
        return self._encoding


def printed(function, what, *, terminal: bool, encoding: str = "utf-8") -> list[str]:
    file = Terminal(encoding)
    function(what, Console(file=file, force_terminal=terminal, width=80, color_system=None))
    return file.getvalue().splitlines()


def test_plain_lines():
    assert result_lines(falling()) == [
        "blur sigma 1..9: 100 95 90 85 80 75 70 65 60, mean 80.0 % (74.2 to 85.8)",
        "noise sigma 10..100: 100 95 90 85 80 75 70 65 60 55, mean 77.5 % (71.5 to 83.5)",
        "contrast factor 1.0..0.0: 100 95 90 85 80 75 70 65 60 55 50, mean 75.0 % (68.4 to 81.6)",
        "jpeg quality 20..2: 100 95 90 85 80 75 70 65 60 55, mean 77.5 % (71.5 to 83.5)",
        "jpeg2000 psnr 40..20: 100 95 90 85 80 75 70 65 60 55 50, mean 75.0 % (68.9 to 81.1)",
        "clean top-1: 100.0 % (96.3 to 100.0)",
        "clean top-5: 100.0 % (96.3 to 100.0)",
        "ImageNet-Q score: 77.0 % (70.9 to 83.1)",
        "relative score: 77.0 % (70.9 to 83.1)",
        "blur falls to 90 % of clean: sigma 3; to 50 %: beyond the last, sigma 9",
        "noise falls to 90 % of clean: sigma 30; to 50 %: beyond the last, sigma 100",
        "contrast falls to 90 % of clean: factor 0.8; to 50 %: beyond the last, factor 0.1",
        "jpeg falls to 90 % of clean: quality 16; to 50 %: beyond the last, quality 2",
        "jpeg2000 falls to 90 % of clean: psnr 36; to 50 %: psnr 20",
        "calibration error: 26.9 %",
        "warning: clean accuracy is far below the published one",
    ]


def test_no_terminal_gets_the_plain_lines():
    made = falling()
    assert printed(print_result, made, terminal=False) == result_lines(made)
    assert "\n".join(result_lines(made)).isascii()


def test_a_terminal_that_cannot_draw_gets_the_plain_lines():
    made = falling()
    assert printed(print_result, made, terminal=True, encoding="ascii") == result_lines(made)


def test_standard_output_is_the_default(capsys):
    print_result(falling())
    assert capsys.readouterr().out.splitlines() == result_lines(falling())


def test_a_terminal_gets_a_table_within_80_columns():
    lines = printed(print_result, falling(), terminal=True)
    table = lines[: next(i for i, line in enumerate(lines) if line.startswith("clean"))]
    assert all(len(line) <= 80 for line in table)
    rows = {line.split()[0]: line for line in table if line.strip()}
    assert rows["timm/made_up,"].strip() == "timm/made_up, 100 photographs"
    assert rows["blur"].split() == [
        *("blur", "1..9", "100", "95", "90", "85", "80", "75", "70", "65", "60"),
        *("██▇▇▇▆▆▆▅", "80.0"),
    ]
    assert lines[len(table) :] == result_lines(falling())[len(LADDERS) :]


def test_what_is_missing_is_a_dash():
    lines = result_lines(result(5, ("blur-3", "jpeg-10")))
    assert lines[0].startswith("blur sigma 1..9: - - ")
    assert lines[0].endswith("- - - - - -, mean -")
    assert lines[5:9] == [
        "clean top-1: -",
        "clean top-5: -",
        "ImageNet-Q score: -",
        "relative score: -",
    ]
    assert printed(print_result, result(5, ("blur-3",)), terminal=True)


def test_one_image_has_no_interval():
    lines = result_lines(result(1))
    assert any(line.startswith("ImageNet-Q score: ") and line.endswith(" %") for line in lines)


def test_a_models_name_is_no_markup():
    model = run().model.model_copy(update={"name": "[red]x[/red]"})
    made = Result.of(run(model=model), falling().predictions)
    assert "[red]x[/red], 100 photographs" in printed(print_result, made, terminal=True)[0]


def test_a_result_represents_itself_in_one_line_and_as_a_table_for_notebooks():
    model = run().model.model_copy(update={"name": "<script>x</script>"})
    warned = run(model=model, warnings=("5 < 6",))
    made = Result.of(warned, falling().predictions)
    assert repr(made) == (
        "Result('<script>x</script>', 100 photographs, 52 variants, ImageNet-Q score 77.0 %)"
    )
    html = made._repr_html_()
    root = ElementTree.fromstring(f"<div>{html.replace('<br>', '<br/>')}</div>")
    assert root.find("table/caption").text == "<script>x</script>, 100 photographs"
    assert [cell.text for cell in root.find("table/tbody/tr")] == [
        *("blur 1..9", *["100", "95", "90", "85", "80", "75", "70", "65", "60"]),
        *(None, None, "80.0"),
    ]
    assert "warning: 5 < 6" in list(root.find("p").itertext())
    assert repr(result(5, ("blur-3",))).endswith("5 photographs, 1 variant, no score)")


@pytest.mark.parametrize(
    ("shares", "top", "expected"),
    [
        ([0, 0.5, 1], 1, "▁▅█"),
        ([0, 0.25, 0.5], 0.5, "▁▅█"),
        ([None, 1, None], 1, " █ "),
        ([0, 0], 0, "▁▁"),
        ([2.0], 1, "█"),
        ([], 1, ""),
    ],
)
def test_sparkline(shares, top, expected):
    assert sparkline(shares, top) == expected


def test_a_comparison_in_plain_lines():
    got = comparison_lines(compare(falling(70), falling(50)))
    assert got == [
        "timm/made_up less timm/made_up, 100 photographs",
        "blur sigma 1..9: +0 +0 +0 +0 +0 +0 +0 +5 +10 points",
        "noise sigma 10..100: +0 +0 +0 +0 +0 +0 +0 +5 +10 +15* points",
        "contrast factor 1.0..0.0: - +0 +0 +0 +0 +0 +0 +5 +10 +15* - points",
        "jpeg quality 20..2: +0 +0 +0 +0 +0 +0 +0 +5 +10 +15* points",
        "jpeg2000 psnr 40..20: +0 +0 +0 +0 +0 +0 +0 +5 +10 +15* +20* points",
        "blur mean: +1.7* points (+0.6 to +2.7)",
        "noise mean: +3.0* points (+1.5 to +4.5)",
        "contrast mean: +3.3* points (+1.6 to +5.0)",
        "jpeg mean: +3.0* points (+1.5 to +4.5)",
        "jpeg2000 mean: +4.5* points (+2.5 to +6.5)",
        "clean top-1: +0.0 points (+0.0 to +0.0)",
        "ImageNet-Q score: +3.1* points (+1.6 to +4.7)",
        "relative score: +3.1* points (+1.6 to +4.7)",
        "5 of 50 variants differ (* p < 0.05, exact McNemar test, Holm-corrected)",
        "7 of 7 means and scores differ (* p < 0.05, paired normal test, Holm-corrected)",
        *got[16:],
    ]
    # At levels 8 and 9 accuracies are 0.7 against 0.65 and 0.6; before, both are always alike.
    expected = [2 * p * (1 - p) for p in (1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7)] + [0.44, 0.46]
    assert len(got) == 16 + 12
    assert got[17].startswith("  clean -, mean of the five 0.")
    assert got[18].startswith(f"  blur {1 - 0.15 / sum(expected):.2f} (")
    assert got[19] == "    1..9: - 1.00 1.00 1.00 1.00 1.00 1.00 0.89 0.78"


def test_no_mean_of_equal_models_differs():
    got = comparison_lines(compare(falling(), falling()))
    assert not any("*" in line for line in got[:14])
    assert got[15].startswith("0 of 7 means")


def test_a_comparison_on_a_terminal():
    second = Result.of(run(precision="bf16"), falling(50).predictions)
    lines = printed(print_comparison, compare(falling(70), second), terminal=True)
    assert "timm/made_up less timm/made_up, 100 photographs" in lines[0]
    assert lines[1].startswith("top-1, points")
    assert all(len(line) <= 80 for line in lines)
    blur = next(line for line in lines if line.startswith("blur 1..9"))
    assert blur.split()[-2:] == ["+10", "+1.7*"]
    assert lines[-1] == "warning: different precisions: fp32 and bf16"
