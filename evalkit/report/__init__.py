"""What a reader gets: figures, the one-page brief, and the bundle of files that holds both with their numbers."""
