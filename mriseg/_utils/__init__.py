"""What every room may use: atomic writes, memory, threads, text."""
