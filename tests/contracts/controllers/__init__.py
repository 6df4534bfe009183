"""What every controller promises, whatever it is for: an example a controller, and the disturbances it must survive."""
