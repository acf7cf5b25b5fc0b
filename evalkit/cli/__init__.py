"""The command line: one short file a verb; each parses, calls and prints."""
