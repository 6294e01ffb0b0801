"""What surprises people about a container's capabilities: each surprise is a `Rule`, with its manual."""
