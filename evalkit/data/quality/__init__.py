"""What is wrong with the data, looked for before any effect is estimated."""
