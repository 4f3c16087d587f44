"""The workspace: the only room that talks to Databricks, over the SDK's own client.

Reads and writes go through ``ApiClient.do`` as raw JSON, since the SDK's typed
classes drop fields and turn enum values that they do not know into ``None``.
"""
