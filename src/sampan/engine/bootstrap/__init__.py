"""Base images from a distribution's own signed package archive: for where no registry can be reached."""
