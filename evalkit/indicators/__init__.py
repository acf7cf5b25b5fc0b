"""Performance management: indicators with a target, and equality indicators; what is, not what a programme did."""
