"""Requests that the API server itself makes: to admission and conversion webhooks and to extension API servers."""
