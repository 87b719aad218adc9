import pytest

from fake_predictions import result, run
from imagenetq.evaluate.report.markup import key_letter, latex, markdown
from imagenetq.evaluate.results.names import PARAMETERS, TITLES, network_names, variant_words
from imagenetq.specification import LADDERS, variants


def of(name="a/b", weights="a" * 64, **changes):
    model = run().model.model_copy(update={"name": name, "weights_sha256": weights})
    return result(2, ("clean",), model=model, **changes)


def test_every_distortion_and_variant_has_words():
    assert list(TITLES) == list(PARAMETERS) == [ladder.distortion for ladder in LADDERS]
    words = [variant_words(variant) for variant in variants()]
    assert len(set(words)) == 52
    assert words[0] == "original"


def test_networks_of_one_name_are_told_apart():
    assert network_names([of("a/b"), of("a/c")]) == ["a/b", "a/c"]
    assert network_names([of(), of(precision="bf16")]) == ["a/b (fp32)", "a/b (bf16)"]
    assert network_names([of(), of(weights="b" * 64)]) == [
        "a/b (aaaaaaaa)",
        "a/b (bbbbbbbb)",
    ]
    assert network_names([of(), of(), of("a/c", None)]) == ["a/b (1)", "a/b (2)", "a/c"]


def test_key_letters_never_repeat():
    assert [key_letter(place) for place in (0, 1, 25, 26, 27)] == ["A", "B", "Z", "A2", "B2"]


@pytest.mark.parametrize(
    ("text", "in_markdown", "in_latex"),
    [
        ("timm/vgg16", "timm/vgg16", "timm/vgg16"),
        ("a_b|c", r"a\_b\|c", r"a\_b|c"),
        ("[x](y) <b>", r"\[x\](y) \<b\>", "[x](y) <b>"),
        ("50 % & $5 {a}^b~\\", r"50 % & \$5 {a}^b~" + "\\\\", None),
        ("%&", "%&", r"\%\&"),
    ],
)
def test_texts_of_anyone_mean_nothing_in_markdown_and_latex(text, in_markdown, in_latex):
    assert markdown(text) == in_markdown
    if in_latex is None:
        in_latex = r"50 \% \& \$5 \{a\}\textasciicircum{}b\textasciitilde{}\textbackslash{}"
    assert latex(text) == in_latex
