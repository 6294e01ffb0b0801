"""kubectl caps label-ns: Pod Security labels on namespaces, after showing everything that they would refuse."""
