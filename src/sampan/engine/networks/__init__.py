"""Docker's noun "network": everything that can be asked of one; manager.py is the door."""
