"""The command fit: which capabilities a workload needs, found on trial pods."""
