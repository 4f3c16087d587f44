"""One environment at work: its files, its workspace, its record, and the plan between them."""
