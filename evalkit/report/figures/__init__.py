"""The three pictures of a brief, one file each; every one carries its alt text and its data."""
