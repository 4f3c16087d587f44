"""API JSON to endpoint documents and back; the only room that knows request shapes.

An *endpoint document* is nested plain data in the REST API's own words, with its
keyed lists held as maps: served entities and routes by entity name, tags by key,
rate limits by key and principal, permission rows by principal. Desired, base and
live endpoints are all such documents.
"""
