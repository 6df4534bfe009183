"""What users add to the API by CustomResourceDefinitions: their kinds, served beside the built-in ones.

``customkinds`` makes kinds of a definition; ``following`` keeps what is served as the definitions in the store say;
``conversion`` has objects converted by webhooks.
"""
