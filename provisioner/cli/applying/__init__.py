"""Carrying out a plan: reviewed, permitted, executed, watched, verified."""
