"""Steps that several commands share: reading manifests, connecting to a cluster."""
