"""Claims to devices that pods bring with them or share: made, kept for pods, and given back."""
