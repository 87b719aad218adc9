"""Entries and photographs come in; a paper's tables and figures go out.

`write_report` makes everything that the material allows; each figure is a function of its own,
which returns a matplotlib `Figure` for a notebook. Whatever needs torch imports it when it is used.
"""

from typing import TYPE_CHECKING

from imagenetq.lazy import lazy_names

if TYPE_CHECKING:
    from imagenetq.evaluate.report.accuracy_curves import figure2
    from imagenetq.evaluate.report.class_falls import classes_figure
    from imagenetq.evaluate.report.conclusions import Findings, findings
    from imagenetq.evaluate.report.depth_and_robustness import robustness_figure
    from imagenetq.evaluate.report.distortion_examples import figure1, figure3
    from imagenetq.evaluate.report.entry_networks import load_networks
    from imagenetq.evaluate.report.error_consistency import (
        ConsistencyTable,
        consistency_figure,
        consistency_table,
    )
    from imagenetq.evaluate.report.filter_responses import figure4
    from imagenetq.evaluate.report.network_table import Summary, table1, table1_picture
    from imagenetq.evaluate.report.pictures import (
        Picture,
        choose_image,
        pictures_of_data,
        pictures_of_source,
    )
    from imagenetq.evaluate.report.ranking_stability import stability_figure
    from imagenetq.evaluate.report.report_writer import Report, write_report
    from imagenetq.evaluate.report.risk_curves import risk_figure
    from imagenetq.evaluate.report.style import save

__all__ = [
    "ConsistencyTable",
    "Findings",
    "Picture",
    "Report",
    "Summary",
    "choose_image",
    "classes_figure",
    "consistency_figure",
    "consistency_table",
    "figure1",
    "figure2",
    "figure3",
    "figure4",
    "findings",
    "load_networks",
    "pictures_of_data",
    "pictures_of_source",
    "risk_figure",
    "robustness_figure",
    "save",
    "stability_figure",
    "table1",
    "table1_picture",
    "write_report",
]

_HOMES = {
    "conclusions": ("Findings", "findings"),
    "accuracy_curves": ("figure2",),
    "distortion_examples": ("figure1", "figure3"),
    "filter_responses": ("figure4",),
    "entry_networks": ("load_networks",),
    "pictures": ("Picture", "choose_image", "pictures_of_data", "pictures_of_source"),
    "depth_and_robustness": ("robustness_figure",),
    "style": ("save",),
    "network_table": ("Summary", "table1", "table1_picture"),
    "class_falls": ("classes_figure",),
    "error_consistency": ("ConsistencyTable", "consistency_figure", "consistency_table"),
    "ranking_stability": ("stability_figure",),
    "risk_curves": ("risk_figure",),
    "report_writer": ("Report", "write_report"),
}

__getattr__ = lazy_names(__name__, _HOMES)
