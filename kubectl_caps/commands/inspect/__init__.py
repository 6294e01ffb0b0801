"""Runs kubectl caps inspect: shows what containers declare and get, their risk, and their Pod Security violations."""
