"""kubectl caps policy: admission policies that keep what a namespace has won."""
