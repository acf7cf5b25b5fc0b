"""Data: sources, intake into a panel, fingerprints."""
