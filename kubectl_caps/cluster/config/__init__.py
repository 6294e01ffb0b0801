"""The API server and the user of a connection, from kubeconfig files and flags."""
