"""Arrays in, arrays out: plain functions that know no class of the layers above."""
