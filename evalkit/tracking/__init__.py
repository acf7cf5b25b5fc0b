"""MLflow: the only part of evalkit that imports it."""
