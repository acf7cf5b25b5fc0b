"""The analysis plan: locked before outcomes are seen, held against every run."""
