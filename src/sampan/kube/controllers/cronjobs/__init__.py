"""Jobs at certain times: what is due is pure (timing, rules); controller.py acts."""
