"""Facts about a container's capabilities that surprise people: each is a `Rule` with its manual."""
