"""Runs kubectl caps label-ns: sets Pod Security labels on namespaces, and shows what the labels would refuse."""
