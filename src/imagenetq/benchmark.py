"""Describe ImageNet-Q as a benchmark of the Hugging Face Hub: `eval.yaml` and its tasks.

The Hub reads `eval.yaml` at a dataset's root. Under each task it collects what model repositories
say in `.eval_results/*.yaml`. It refuses the file unless `evaluation_framework` is on its own list
(https://huggingface.co/docs/hub/eval-results).
"""

from collections.abc import Collection

import yaml

from imagenetq.specification import CLEAN, LADDERS

EVAL_NAME = "eval.yaml"

FRAMEWORK = "imagenet-q"
"""Name of ImageNet-Q on the Hub's list of frameworks; `leaderboard/hub/eval.ts` is its entry."""

SCORE_TASK = "imagenet_q_score"
"""Name of the task for the ImageNet-Q score."""

TASKS = (SCORE_TASK, *(ladder.distortion for ladder in LADDERS), CLEAN)
"""Names of all tasks: the score, the mean of each distortion, and clean top-1 accuracy."""

_SPLIT = "test"
_DESCRIPTION = (
    "How image quality affects image classifiers: top-1 accuracy in percent on ImageNet validation "
    "photographs under blur, noise, low contrast, JPEG and JPEG 2000, with the same pixels for "
    "everyone. imagenet_q_score is the mean of the five distortions' means."
)


def eval_yaml(configs: Collection[str] = ()) -> str:
    """Make the text of `eval.yaml`; a task refers to the config of its name, if there is one."""
    tasks = [
        {"id": task} | ({"config": task, "split": _SPLIT} if task in configs else {})
        for task in TASKS
    ]
    facts = {
        "name": "ImageNet-Q",
        "description": _DESCRIPTION,
        "evaluation_framework": FRAMEWORK,
        "tasks": tasks,
    }
    return yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, width=96)
