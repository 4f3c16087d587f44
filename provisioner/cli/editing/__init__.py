"""Changing the files of a project, by position and only after a look at the difference."""
