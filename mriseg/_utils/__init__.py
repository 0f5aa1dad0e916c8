"""Utilities: atomic writes, memory, threads, text."""
