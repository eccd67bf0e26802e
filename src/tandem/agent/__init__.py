"""The process at a backup server: schedules, runs, remembers and reports, with or without the console."""
