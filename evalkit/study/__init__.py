"""What is asked: the study, its parts and their validation."""
