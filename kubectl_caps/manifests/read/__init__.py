"""Reading manifests: paths, texts, objects, positions."""
