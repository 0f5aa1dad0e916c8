"""What the numbers of a label map mean."""
