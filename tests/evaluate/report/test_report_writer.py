"""A whole report of real results: complete, captioned, honest, and the same every time."""

import json
import re
from contextlib import contextmanager

import pypdf
import pytest

from imagenetq.builder import build, open_source
from imagenetq.choices import Figure
from imagenetq.errors import EntryError, ModelError, UsageError
from imagenetq.evaluate import Result, evaluate, load_model, open_data
from imagenetq.evaluate.report import report_writer, write_report
from imagenetq.evaluate.report.entry_networks import load_networks
from imagenetq.evaluate.report.pictures import pictures_of_data
from imagenetq.evaluate.report.report_folder import RECORD
from imagenetq.evaluate.report.report_writer import PAGE
from imagenetq.evaluate.report.sections import KINDS

TINY = "python/tiny_models:tiny"
BASIS = (
    "ImageNet-Q 1.0.0, subset sample, 9 photographs, computed in fp32. "
    "A demonstration on 9 photographs: the embedded sample photographs, not ImageNet."
)


@pytest.fixture(scope="module")
def whole(results, tiny, pictures, tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    return write_report(results, out, pictures=pictures, models=[tiny], paper=True), out


def test_everything_is_there_and_shown_on_the_page(whole):
    report, out = whole
    stems = ["table1", "figure1", "figure2", "figure3", "figure4-python-tiny_models-tiny"]
    names = {path.name for path in out.iterdir()} - {RECORD}
    assert {f"{stem}.{kind}" for stem in stems for kind in ("png", "pdf")} <= names
    assert {"table1.md", "table1.csv", "table1.tex", "findings.md", "findings.json"} <= names
    assert {path.name for path in report.files} == names
    assert report.files[0].name == PAGE
    page = (out / PAGE).read_text()
    for name in names - {PAGE}:
        assert f"]({name})" in page
    for target in re.findall(r"\]\(([^)]+)\)", page):
        assert (out / target).is_file()


def test_every_caption_states_what_the_figure_rests_on(whole):
    _, out = whole
    lines = (out / PAGE).read_text().splitlines()
    captions = [line for line in lines if "([PDF](" in line]
    assert len(captions) == sum(line.startswith("![") for line in lines) >= 5
    assert all(BASIS in caption for caption in captions)
    assert any("digitised from Fig. 2" in caption for caption in captions)
    assert BASIS in (out / "findings.md").read_text()
    assert json.loads((out / "findings.json").read_text())["demonstration"] in BASIS


def test_what_is_left_out_is_said(whole):
    report, out = whole
    (line, *_) = report.left_out
    assert line.startswith("table 1: the layers of baseline/nearest")
    assert "## Left out" in (out / PAGE).read_text()


def test_the_same_inputs_give_the_same_bytes(whole, results, tiny, pictures, tmp_path):
    _, out = whole
    again = write_report(results, tmp_path, pictures=pictures, models=[tiny], paper=True)
    for path in again.files:
        assert path.read_bytes() == (out / path.name).read_bytes(), path.name


def test_the_photographs_answers_are_in_the_pdf(whole):
    _, out = whole
    text = pypdf.PdfReader(out / "figure3.pdf").pages[0].extract_text()
    assert "A  python/tiny_models:tiny" in text
    assert "True class: " in text
    assert "JPEG 2000" in text


@pytest.mark.usefixtures("few_kinds")
def test_without_pixels_and_networks_the_rest_is_made(results, tmp_path):
    report = write_report(results, tmp_path)
    assert {"figure2.png", "table1.pdf", "findings.md"} <= {p.name for p in report.files}
    lines = "\n".join(report.left_out)
    for figure in (1, 3, 4):
        assert f"figure {figure}: shows a photograph; give --source SOURCE or --data DIR" in lines


@pytest.mark.usefixtures("few_kinds")
def test_without_a_network_only_figure_4_is_left_out(results, pictures, tmp_path):
    report = write_report(results, tmp_path, pictures=pictures)
    assert "figure 4: shows a network's filters; give --model NAME (and --weights FILE)" in (
        report.left_out
    )
    assert (tmp_path / "figure3.pdf").is_file()


@pytest.mark.parametrize("figure", ["1", "3", "4"])
def test_a_figure_that_is_named_must_be_possible(results, tmp_path, figure):
    with pytest.raises(UsageError, match=f"figure {figure}: shows a"):
        write_report(results, tmp_path / "none", figures=[figure])
    assert not (tmp_path / "none").exists()


@pytest.mark.usefixtures("few_kinds")
def test_a_network_without_convolutions_is_skipped_or_refused(results, pictures, tmp_path):
    models = load_networks(results, ["baseline/nearest"])
    report = write_report(results, tmp_path, pictures=pictures, models=models)
    assert any(
        line.startswith("figure 4: baseline/nearest: has no convolutional layer")
        for line in report.left_out
    )
    with pytest.raises(ModelError, match="no convolutional layer"):
        write_report(results, tmp_path, figures=["4"], pictures=pictures, models=models)


def test_one_network_of_several_without_convolutions(results, tiny, pictures, tmp_path):
    models = [tiny, *load_networks(results, ["baseline/nearest"])]
    report = write_report(results, tmp_path, figures=["4"], pictures=pictures, models=models)
    assert [path.name for path in report.files[1:]] == [
        "figure4-python-tiny_models-tiny.png",
        "figure4-python-tiny_models-tiny.pdf",
    ]
    assert "no convolutional layer" in report.left_out[0]


def test_only_the_figures_that_are_named(results, tmp_path):
    report = write_report(results, tmp_path, figures=["findings", "2"])
    names = [path.name for path in report.files]
    assert names[:3] == [PAGE, "figure2.png", "figure2.pdf"]
    assert "table1.md" not in names
    with pytest.raises(UsageError, match="no figure '5'; there are table1, 1, 2, 3, 4, findings"):
        write_report(results, tmp_path, figures=["5"])
    assert list(KINDS) == list(Figure)


def test_a_photograph_is_rendered_only_for_a_figure_that_shows_it(
    results, pictures, tmp_path, monkeypatch
):
    shown = []

    @contextmanager
    def noting(label):
        shown.append(label)
        yield

    monkeypatch.setattr(report_writer, "working", noting)
    for figure in ("2", "1"):
        write_report(results, tmp_path, figures=[figure], pictures=pictures)
    assert shown == ["drawing figure 2", "rendering the photograph", "drawing figure 1"]


def test_entries_without_a_distorted_variant_have_no_figure_3(tmp_path):
    build(open_source("sample"), tmp_path / "q", only=["clean"])
    data, source = open_data(str(tmp_path / "q")), pictures_of_data(open_data(str(tmp_path / "q")))
    (clean,) = evaluate([load_model("baseline/nearest")], data, tmp_path / "results")
    with pytest.raises(EntryError, match="hold no distorted variant, which Figure 3 shows"):
        write_report([clean], tmp_path / "r", figures=["3"], pictures=source)


def test_pictures_of_a_built_dataset_give_the_same_figures(whole, results, tmp_path):
    build(open_source("sample"), tmp_path / "q", only=["clean", "jpeg"])
    data = pictures_of_data(open_data(str(tmp_path / "q")))
    report = write_report(results, tmp_path / "r", figures=["1", "3"], pictures=data)
    for path in report.files[1:]:
        assert path.read_bytes() == (whole[1] / path.name).read_bytes()


def test_the_photograph_asked_for_is_shown(results, pictures, tmp_path):
    write_report(results, tmp_path, figures=["1"], pictures=pictures, image_id="coffee")
    assert "(coffee: espresso)" in (tmp_path / PAGE).read_text()
    with pytest.raises(UsageError, match=r"no photograph 'cofee' .* did you mean coffee"):
        write_report(results, tmp_path, pictures=pictures, image_id="cofee")


def test_refusals_come_before_anything_is_written(results, tmp_path):
    other = results[1].entry.model_copy(update={"dataset_version": "1.1.0"})
    mixed = [results[0], Result(other, results[1].predictions)]
    with pytest.raises(EntryError, match="different dataset versions"):
        write_report(mixed, tmp_path / "none")
    with pytest.raises(UsageError, match="no entries"):
        write_report([], tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("few_kinds")
def test_real_networks(real_result, real_file, imagenet_sample, tmp_path):
    from imagenetq.evaluate.report.pictures import pictures_of_source

    models = load_networks([real_result], ["torchvision/squeezenet1_0"], [real_file])
    pictures = pictures_of_source(open_source(str(imagenet_sample)))
    report = write_report([real_result], tmp_path, pictures=pictures, models=models)
    assert "figure4-torchvision-squeezenet1_0.pdf" in {path.name for path in report.files}
    assert any("no entry has a relative score" in line for line in report.left_out)
    page = (tmp_path / PAGE).read_text()
    assert "A demonstration on 4 photographs: its source (" in page
