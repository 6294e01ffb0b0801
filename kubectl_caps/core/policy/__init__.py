"""Admission policies that keep what a namespace has won: from its workloads to policies, and what these refuse."""
