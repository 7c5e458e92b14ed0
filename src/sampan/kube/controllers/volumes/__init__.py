"""Claims and PersistentVolumes find each other, and part again. Rules are pure; controller.py acts."""
