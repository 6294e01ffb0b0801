"""kubectl caps fit: finds the capabilities that a workload needs, with trial pods."""
