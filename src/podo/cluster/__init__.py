"""The composition root: what a cluster on this machine is made of, how it is started, watched, stopped and cleared
away."""
