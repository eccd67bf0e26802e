"""What the words mean: pure rules and records, without input, output or a clock."""
