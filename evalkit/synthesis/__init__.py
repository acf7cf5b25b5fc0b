"""Many studies read together: which findings there are, and what comparable ones say on average."""
