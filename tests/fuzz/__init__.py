"""Requests that nobody would write, and laws that hold for any: what the server is given here is made by chance."""
