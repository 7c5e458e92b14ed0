"""Docker's noun "container": everything that can be asked of one; manager.py is the door."""
