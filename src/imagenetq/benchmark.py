"""ImageNet-Q as a benchmark of the Hugging Face Hub: `eval.yaml`, and the tasks that it names.

The Hub reads `eval.yaml` at a dataset's root, collects under each task what model repositories say
in `.eval_results/*.yaml`, and refuses the file unless `evaluation_framework` is on its own list
(https://huggingface.co/docs/hub/eval-results).
"""

from collections.abc import Collection

import yaml

from imagenetq.specification import CLEAN, LADDERS

EVAL_NAME = "eval.yaml"

FRAMEWORK = "imagenet-q"
"""The name for the Hub's list of frameworks: `leaderboard/hub/eval.ts`."""

SCORE_TASK = "imagenet_q_score"
"""The task of the ImageNet-Q score."""

TASKS = (SCORE_TASK, *(ladder.distortion for ladder in LADDERS), CLEAN)
"""The score, the mean of each of the five distortions, and clean top-1 accuracy."""

_SPLIT = "test"
_DESCRIPTION = (
    "How image quality affects image classifiers: top-1 accuracy in percent on ImageNet validation "
    "photographs under blur, noise, low contrast, JPEG and JPEG 2000, with the same pixels for "
    "everyone. imagenet_q_score is the mean of the five distortions' means."
)


def eval_yaml(configs: Collection[str] = ()) -> str:
    """Make the file's text.

    Args:
        configs: of the dataset; a task of which there is a config of the same name is told to be of
            that.
    """
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
