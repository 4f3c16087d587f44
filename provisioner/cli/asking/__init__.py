"""Putting questions to endpoints, for ``query``, ``verify`` and checks."""
