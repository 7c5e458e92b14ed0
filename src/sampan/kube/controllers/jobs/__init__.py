"""Jobs: pods that run until so many of them have succeeded, each counted once. Rules are pure; controller.py acts."""
