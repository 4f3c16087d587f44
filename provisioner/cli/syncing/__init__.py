"""Where the values of secrets come from when ``secrets sync`` is run."""
