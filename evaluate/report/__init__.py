"""Entries and images in, a paper's tables and figures out.

`write_report` makes everything that the material allows; each figure is a function of its own,
which returns a matplotlib `Figure` for a notebook. Whatever needs torch imports it when it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagenetq.evaluate.report.choosing import choose_image
    from imagenetq.evaluate.report.conclusions import Findings, findings
    from imagenetq.evaluate.report.curves import figure2
    from imagenetq.evaluate.report.examples import figure1, figure3
    from imagenetq.evaluate.report.filters import figure4
    from imagenetq.evaluate.report.networks import load_networks
    from imagenetq.evaluate.report.pictures import Picture, pictures_of_data, pictures_of_source
    from imagenetq.evaluate.report.robustness import robustness_figure
    from imagenetq.evaluate.report.style import save
    from imagenetq.evaluate.report.summary import Summary, table1
    from imagenetq.evaluate.report.table_picture import table1_picture
    from imagenetq.evaluate.report.writing import Report, write_report

__all__ = [
    "Findings",
    "Picture",
    "Report",
    "Summary",
    "choose_image",
    "figure1",
    "figure2",
    "figure3",
    "figure4",
    "findings",
    "load_networks",
    "pictures_of_data",
    "pictures_of_source",
    "robustness_figure",
    "save",
    "table1",
    "table1_picture",
    "write_report",
]

_HOMES = {
    "choosing": ("choose_image",),
    "conclusions": ("Findings", "findings"),
    "curves": ("figure2",),
    "examples": ("figure1", "figure3"),
    "filters": ("figure4",),
    "networks": ("load_networks",),
    "pictures": ("Picture", "pictures_of_data", "pictures_of_source"),
    "robustness": ("robustness_figure",),
    "style": ("save",),
    "summary": ("Summary", "table1"),
    "table_picture": ("table1_picture",),
    "writing": ("Report", "write_report"),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    for home, public in _HOMES.items():
        if name in public:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
