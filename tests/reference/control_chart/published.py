"""Data and limits as published: README.md beside this file names the sources."""

from __future__ import annotations

from evalkit.numerics.control_chart import Rule

FLOW = (49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1)
FLOW_LIMITS = (45.8159, 50.81, 55.8041)
LOANS = (310, 288, 297, 298, 307, 303, 294, 297, 308, 306, 294, 299, 297, 299, 314, 295, 293, 306, 301, 304)
LOAN_LIMITS = (279.78, 300.5, 321.22)
LOAN_RANGES = (7.79, 25.45)
WAFERS = (16, 14, 28, 16, 12, 20, 10, 12, 10, 17, 19, 17, 14, 16, 15, 13, 14, 16, 11, 20, 11, 19, 16, 31, 13)
WAFER_LIMITS = (4.0, 16.0, 28.0)
SHARE_MEAN, SHARE_SIZE, SHARE_LIMITS = 0.2313, 50, (0.0524, 0.4102)
LOTS = (
    8, 7, 11, 3, 6, 11, 4, 4, 5, 8, 8, 6, 7, 6, 10, 7, 9, 5, 6, 8, 8, 10, 4, 11, 4,
    11, 6, 6, 9, 5, 4, 7, 5, 7, 8, 5, 10, 9, 7, 9, 4, 9, 4, 7, 11, 8, 10, 8, 7, 5,
)  # fmt: skip
LOT_SIZE, LOT_LIMITS = 200, (0.0, 7.14, 15.01184)
RUN_LENGTHS: dict[tuple[Rule, ...], float] = {
    ("beyond_limits",): 370.40,
    ("beyond_limits", "two_of_three"): 225.44,
    ("beyond_limits", "run_of_eight"): 152.73,
    ("beyond_limits", "two_of_three", "run_of_eight"): 122.05,
}
