"""Who owns which fields of an object: ``metadata.managedFields`` of every write, and server-side apply.

``tracking`` follows creates, updates and patches; ``applying`` applies configurations; ``entries`` is the wire form;
``versions`` is for what is owned in another version than that of the write.
Source: KEP-555, "Server-Side Apply" of the Kubernetes documentation.
"""
