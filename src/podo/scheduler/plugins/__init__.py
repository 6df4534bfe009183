"""The scheduling plug-ins, a file each. ``podo.scheduler.profile`` puts them together."""
