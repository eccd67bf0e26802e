"""How restic is spoken to: one module per restic command, each with pure `flags` and a function that runs them."""
