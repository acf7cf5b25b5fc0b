"""The design stage: what a study could detect, and which roll-out detects most, before anybody has seen an effect."""
