"""What the Open Container Initiative specifies: images, references, digests, platforms, the runtime spec."""
