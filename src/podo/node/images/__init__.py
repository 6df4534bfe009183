"""Images: an OCI archive writer, and the images that podo makes itself."""
