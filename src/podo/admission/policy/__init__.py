"""Admission policies: rules about writes in CEL, evaluated in the process.

``policies`` follows the objects; ``compiled`` is what is made of one; ``activation`` is what its expressions see of a
request; ``params`` finds the parameters of a binding; ``validating`` and ``mutating`` do what policies of the two kinds
are for.
"""
