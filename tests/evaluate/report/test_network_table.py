"""Table I, in every form."""

import csv
import io

import pypdf

from fake_predictions import result, run
from imagenetq.evaluate.report.network_table import (
    HEADINGS,
    NOT_KNOWN,
    NOT_LOADED,
    cells,
    table1,
    table1_picture,
    to_csv,
    to_latex,
    to_markdown,
)
from imagenetq.evaluate.report.report_writer import PAGE, write_report
from imagenetq.evaluate.report.style import save


def test_layers_need_the_network_the_rest_the_entry(results, tiny):
    first, second = table1(results, [tiny])
    assert (first.convolutional, first.fully_connected) == (1, 1)
    assert (second.convolutional, second.is_loaded) == (None, False)
    for row, held in zip((first, second), results, strict=True):
        assert row.parameters == held.entry.model.parameters
        assert row.input_size == held.entry.model.input_size
        assert row.top1 == held.scores.variants["clean"].top1
        assert row.top5 == held.scores.variants["clean"].top5
    assert cells([second])[0][1:3] == [NOT_LOADED, NOT_LOADED]


def test_a_model_without_layers_says_that_they_are_not_known(results):
    from imagenetq.evaluate import load_model

    rows = table1(results, [load_model("baseline/nearest")])
    assert cells(rows)[1][1:3] == [NOT_KNOWN, NOT_KNOWN]


def test_a_real_network(real_result, real_file):
    from imagenetq.evaluate.report import load_networks

    models = load_networks([real_result], ["torchvision/squeezenet1_0"], [real_file])
    (row,) = cells(table1([real_result], models))
    size = "224 × 224"  # noqa: RUF001
    assert row[:5] == ["torchvision/squeezenet1_0", "18", "0", "1.25 million", size]


def test_csv_holds_exact_numbers(results, tiny):
    rows = list(csv.DictReader(io.StringIO(to_csv(table1(results, [tiny])))))
    assert [row["network"] for row in rows] == ["python/tiny_models:tiny", "baseline/nearest"]
    assert rows[0]["convolutional_layers"] == "1"
    assert rows[1]["convolutional_layers"] == ""
    clean = results[0].scores.variants["clean"]
    assert float(rows[0]["clean_top1_low"]) == clean.top1.low
    assert float(rows[0]["clean_top5"]) == clean.top5.value
    assert int(rows[0]["parameters"]) == results[0].entry.model.parameters


def test_markdown_and_latex_have_a_row_a_network():
    model = run().model.model_copy(update={"name": "a_b|c & d", "input_size": None})
    rows = table1([result(4, model=model)])
    lines = to_markdown(rows).splitlines()
    assert len(lines) == 3
    assert lines[2].startswith(r"| a\_b\|c & d | not loaded | not loaded | 1,000 | varies | ")
    assert lines[0].count("|") == lines[1].count("|") == len(HEADINGS) + 1
    tex = to_latex(rows).splitlines()
    (row,) = [line for line in tex if line.startswith("a")]
    assert row.startswith(r"a\_b|c \& d & not loaded")
    assert row.count(" & ") == len(HEADINGS) - 1
    assert row.endswith(r" \\")
    assert tex[1] == r"\begin{tabular}{lrrrrrr}"


def test_clean_images_that_were_not_evaluated_leave_a_gap():
    rows = table1([result(4, ("blur-3",))])
    assert cells(rows)[0][5:] == ["-", "-"]
    assert to_csv(rows).splitlines()[1].endswith(",,,,,,")


def test_the_picture_holds_the_same_texts(results, tiny, tmp_path):
    rows = table1(results, [tiny])
    _, path = save(table1_picture(rows), tmp_path, "table1")
    text = pypdf.PdfReader(path).pages[0].extract_text()
    for row in cells(rows):
        assert all(cell in text for cell in row)


def test_the_caption_says_what_was_replaced_in_the_preprocessing(tmp_path):
    given = {"mean": [0.5, 0.5, 0.5], "input_size": [160, 192]}
    model = run().model.model_copy(update={"overrides": given})
    changed, plain = result(3, model=model), result(3)
    said = r"Replaced in the preprocessing: timm/made\_up (mean 0.5, input size 160 192). "
    captions = []
    for one in (changed, plain):
        write_report([one], tmp_path, figures=["table1"])
        captions.append((tmp_path / PAGE).read_text())
    assert said in captions[0]
    assert "Replaced" not in captions[1]
