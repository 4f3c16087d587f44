"""Showing plans, outcomes and drift: one value in, one text out, per format.

Nothing is decided and nothing is printed here.
"""
