"""Pictures to judge a segmentation by."""
