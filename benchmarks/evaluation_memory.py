"""Measure the peak memory of an evaluation, at few variants and at all.

Usage: python benchmarks/evaluation_memory.py DATASET [--model MODEL [--weights FILE]] [--few blur]
"""

import tempfile
from pathlib import Path

import measure
import psutil
from watching import peak_memory_of_children

from imagenetq.evaluate import LoadOptions, Settings, evaluate, load_model, open_data

_MIB = 2**20


def main() -> None:
    """Measure and print."""
    parser = measure.parser(__doc__)
    parser.add_argument("dataset", help="as for `imagenetq eval --data`")
    parser.add_argument("--model", default="baseline/nearest")
    parser.add_argument("--weights")
    parser.add_argument("--few", default="blur", help="clean is added")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    facts = measure.machine()
    rows = []
    for only in (options.few.split(","), None):
        model = load_model(options.model, LoadOptions(weights=options.weights))
        with tempfile.TemporaryDirectory() as out, peak_memory_of_children() as peaks:
            settings = Settings(only=only, workers=options.workers)
            (result,) = evaluate([model], open_data(options.dataset), Path(out), settings)
        entry = result.entry
        own = psutil.Process().memory_info().rss
        rows.append(
            [
                str(len(entry.variants)),
                str(entry.n_images),
                f"{own / _MIB:.0f}",
                f"{max(peaks.values(), default=0) / _MIB:.0f}",
            ]
        )
    header = ["variants", "photographs", "main process, MiB", "largest worker, MiB"]
    print(f"## Peak memory of evaluating {options.model}\n")
    print(measure.table(header, rows))
    print("\nResident, Python and libraries included.\n")
    print(measure.machine_lines(facts))
    measure.save_json(options.json, {"machine": facts, "header": header, "rows": rows})


if __name__ == "__main__":
    main()
