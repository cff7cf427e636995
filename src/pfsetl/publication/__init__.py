"""From tables to versions: stores, staged parts, commits, manifests, and reading them back."""
