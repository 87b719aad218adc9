"""What a worker process reads of an evaluation task; a module, so that it can be imported there."""

from imagenetq.evaluate.data import Task
from imagenetq.record import pixel_sha256


def sample_lines(task: Task) -> list[tuple[str, str, int, str]]:
    """What identifies each sample."""
    return [
        (sample.info.image_id, sample.info.variant, sample.info.label, pixel_sha256(sample.pixels))
        for sample in task.samples()
    ]
