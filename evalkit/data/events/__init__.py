"""Records to panel: DuckDB reads, filters, places and aggregates; what it left out is counted."""
