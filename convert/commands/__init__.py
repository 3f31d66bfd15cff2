"""The commands of `python -m convert`, one a module: add(commands) and run(chosen, console)."""
