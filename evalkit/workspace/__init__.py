"""What a new evaluator starts from: a workspace, a study written from its data, an estimator with its test."""
