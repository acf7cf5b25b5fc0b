"""Intervals and p-values beside an estimator's own: what may be reported when clusters are few."""
