"""The processes: what each is made of and how it starts and ends."""
