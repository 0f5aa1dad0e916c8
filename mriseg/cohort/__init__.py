"""Many scans: plan the run, do it here or on a cluster, and sum it up in one table and one page."""
