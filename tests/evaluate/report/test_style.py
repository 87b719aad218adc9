"""One style, whatever the user's is; files that are the same every time, with text in the PDF."""

import io
import subprocess
import sys

import matplotlib as mpl
import pypdf
import pytest

from fake_predictions import result
from imagenetq.evaluate.report.accuracy_curves import figure2
from imagenetq.evaluate.report.style import (
    drawable,
    fitted,
    line_style,
    new_figure,
    paper_style,
    save,
    text_width,
)


def test_the_same_results_give_the_same_bytes_whatever_the_users_style(tmp_path):
    save(figure2([result()]), tmp_path / "one", "figure")
    with mpl.rc_context({"font.size": 20, "pdf.fonttype": 3, "lines.linewidth": 9}):
        save(figure2([result()]), tmp_path / "other", "figure")
    for name in ("figure.png", "figure.pdf"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_the_pdf_is_undated_and_its_text_is_text_in_truetype(tmp_path):
    _, path = save(figure2([result()]), tmp_path, "figure")
    reader = pypdf.PdfReader(path)
    assert "/CreationDate" not in (reader.metadata or {})
    (page,) = reader.pages
    text = page.extract_text()
    for words in ("top-1 accuracy (%)", "JPEG 2000", "sigma (pixels)", "timm/made_up"):
        assert words in text
    fonts = page["/Resources"]["/Font"]
    assert fonts
    for font in fonts.values():
        (descendant,) = font.get_object()["/DescendantFonts"]
        assert descendant.get_object()["/Subtype"] == "/CIDFontType2"
        assert "/FontFile2" in descendant.get_object()["/FontDescriptor"]


def test_no_global_state_of_pyplot_is_touched():
    code = (
        "import sys; from fake_predictions import result;"
        "from imagenetq.evaluate.report import figure2, save; figure2([result(5)]);"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    environment = {"PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_a_notebook_shows_a_figure():
    assert figure2([result(5)])._repr_png_().startswith(b"\x89PNG")


def test_networks_look_different_without_colour_too():
    styles = [line_style(place) for place in range(315)]
    assert len({str(style) for style in styles}) == 315
    grey = [(style["marker"], str(style["linestyle"])) for style in styles[:45]]
    assert len(set(grey)) == 45


@pytest.mark.parametrize("text", ["a $x^2$ b", "two $ signs $", "漢字", "a_b^c{d}", r"back\slash"])
def test_any_text_is_drawn_as_it_is(text):
    with paper_style():
        figure = new_figure(2, 1)
        figure.text(0, 0, drawable(text))
        # A formula that cannot be parsed, or a glyph that is missing, would be an error here.
        figure.savefig(io.BytesIO(), format="pdf")


def test_a_text_is_cut_to_its_width():
    long = "great white shark, man-eater"
    assert fitted(long, 1000, 6) == long
    cut = fitted(long, 50, 6)
    assert cut.endswith("…")
    assert long.startswith(cut[:-1])
    assert text_width(cut, 6) <= 50
