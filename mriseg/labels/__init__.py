"""Labels: tissues, contrasts, numbers of label maps, look-up tables."""
