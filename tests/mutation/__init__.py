"""Whether the tests notice when the code changes: small changes of estimators, inference and rating, one at a time."""
