"""`relext serve`: a pipeline behind a page and a JSON API.

The way of a request: `guard` (who asks, and how much) → `api` or `pages` → `service` → `batching`, one thread → `answering`, the pipeline.
Nothing here is imported before it is asked for: fastapi comes with the extra serve.
"""
