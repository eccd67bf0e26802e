"""What console and agent say to each other; both sides import it, neither owns it."""
