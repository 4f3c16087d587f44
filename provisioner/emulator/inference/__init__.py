"""The emulated workspace answers: requests to endpoints, from the gateway to the shape of a reply.

Nothing here is a model. Texts say that they are emulated, and every answer has the header
``x-emulated``. The same request gets the same answer.
"""
