"""What a segmentation holds, and the files that it becomes."""
