import re

from imagenetq import classes


def test_a_thousand_sorted_unique_wnids():
    wnids = classes.wnids()
    assert len(wnids) == len(set(wnids)) == 1000
    assert list(wnids) == sorted(wnids)
    assert all(re.fullmatch(r"n\d{8}", wnid) for wnid in wnids)


def test_names_are_unique_and_clean():
    names = classes.names()
    assert len(names) == len(set(names)) == 1000
    assert all(name == name.strip() and name.isprintable() and name for name in names)


def test_labels_count_the_wnids():
    assert list(classes.labels()) == list(classes.wnids())
    assert list(classes.labels().values()) == list(range(1000))


def test_well_known_classes_have_their_labels():
    known = {"n01440764": (0, "tench"), "n02123045": (281, "tabby"), "n15075141": (999, "toilet")}
    for wnid, (label, name) in known.items():
        assert classes.labels()[wnid] == label
        assert name in classes.names()[label]


def test_the_two_cranes_are_told_apart():
    assert classes.names()[classes.labels()["n02012849"]] == "crane (bird)"
    assert classes.names()[classes.labels()["n03126707"]] == "crane (machine)"


def test_photographs_are_of_known_classes(imagenet_sample):
    folders = {path.name for path in imagenet_sample.iterdir() if path.is_dir()}
    assert folders <= set(classes.wnids())
