"""What changes things: a verb each, one transaction each."""
