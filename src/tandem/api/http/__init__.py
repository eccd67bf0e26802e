"""What every operation shares, whatever it is about: requests, answers, lists, errors, limits."""
