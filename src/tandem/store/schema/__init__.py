"""What the database holds: tables, the types of their columns, and whose a row is."""
