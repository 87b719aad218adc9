"""What registers ImageNet-Q as one of the Hub's benchmarks agrees with what models' pages say."""

import re
from pathlib import Path

import yaml

from fake_predictions import result
from imagenetq.benchmark import EVAL_NAME, FRAMEWORK, TASKS, eval_yaml
from imagenetq.evaluate.results.hub_export import hub_results
from imagenetq.specification import LADDERS

HUB = Path(__file__).parents[1] / "leaderboard" / "hub"
FAMILIES = ["clean", *(ladder.distortion for ladder in LADDERS)]


def test_tasks_are_those_of_which_results_are_written() -> None:
    stated = yaml.safe_load(eval_yaml(["all", "blur-3", *FAMILIES]))
    assert list(stated) == ["name", "description", "evaluation_framework", "tasks"]
    assert stated["evaluation_framework"] == FRAMEWORK
    assert {task["id"] for task in stated["tasks"]} == set(TASKS)
    assert set(TASKS) == {entry.task_id for entry in hub_results(result(30), "org/imagenet-q")}
    score, *others = stated["tasks"]
    # The score is over all distortions, of which no config holds just these.
    assert score == {"id": "imagenet_q_score"}
    assert all(task["config"] == task["id"] and task["split"] == "test" for task in others)
    assert len(others) == 6
    assert all(list(task) == ["id"] for task in yaml.safe_load(eval_yaml())["tasks"])


def test_the_owners_files_are_up_to_date() -> None:
    assert (HUB / EVAL_NAME).read_text(encoding="utf-8") == eval_yaml(FAMILIES)
    entry = (HUB / "eval.ts").read_text(encoding="utf-8")
    assert len(entry.splitlines()) == 6
    names = re.search(r'^\t"([a-z-]+)": \{\n\t\tname: "([a-z-]+)",\n\t\tdescription:', entry)
    assert names
    assert set(names.groups()) == {FRAMEWORK}
