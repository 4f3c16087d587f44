"""Client code for people who call an endpoint, and why a client cannot be used for something.

Pure: what an endpoint can do comes from its declaration and from the catalog. The code reads
the workspace and the token from ``DATABRICKS_HOST`` and ``DATABRICKS_TOKEN``.
"""

from provisioner.snippets.render import CLIENTS, Snippet, snippet
from provisioner.snippets.subject import Subject, declared, hosted
from provisioner.snippets.uses import USES, Use

__all__ = [
    "CLIENTS",
    "USES",
    "Snippet",
    "Subject",
    "Use",
    "declared",
    "hosted",
    "snippet",
]
