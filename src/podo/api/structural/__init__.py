"""Structural schemas: the OpenAPI v3 schemas of CustomResourceDefinitions, compiled to closures.

``schema.StructuralSchema`` is what a custom kind has in place of a type of the schema table. Each thing that is done by
a schema has a file: ``pruning`` (unknown fields), ``defaulting``, ``validating``, ``listtypes`` (sets and maps have no
item twice), ``embedded`` (objects within objects), ``layouts`` (server-side apply), ``publishing`` (OpenAPI).
Source: "Extend the Kubernetes API with CustomResourceDefinitions" of the Kubernetes documentation.
"""
