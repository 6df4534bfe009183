"""Persistent volumes: claims and volumes find each other, are bound, provisioned, grown and reclaimed."""
