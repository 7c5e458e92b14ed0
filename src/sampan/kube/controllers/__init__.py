"""The loops that bring the world to what was asked, a module each."""
