"""What becomes of a build's results: images, archives, directories, pushes."""
