"""The resource metrics API, served by podo itself: what nodes and pods use, measured when somebody wants to know."""
