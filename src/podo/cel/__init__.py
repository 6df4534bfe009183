"""CEL, the language of Kubernetes' rules: expressions compiled once, evaluated over objects in wire form, at a
bounded cost.

``compiling.compile`` makes a ``Program`` of a text and an ``Environment``; ``Program.evaluate`` runs it with variables
and a ``Budget``. The parser and type checker are those of ``cel-expr-python`` (Google's cel-cpp); what runs the checked
expression is here, because no kept library counts cost or knows the Kubernetes libraries.
"""
