"""PodSecurity: what pods may ask of their node, by the levels privileged, baseline and restricted of their namespace.

``baseline`` and ``restricted`` hold the controls, ``standards`` says which belong to a level at a version, ``policy``
reads a namespace's labels, ``plugin`` asks at every write.
"""
