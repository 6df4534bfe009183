"""The only door to the machine's time, chance and tasks."""
