"""Does what several commands need: connects to a cluster, reads manifests, waits for a lost answer."""
