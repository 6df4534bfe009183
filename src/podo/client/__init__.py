"""How every other room reaches the API."""
