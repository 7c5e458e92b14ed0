"""Jobs: pods that run until so many have succeeded, each counted once. Rules are pure; controller.py acts."""
