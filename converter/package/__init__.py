"""The package: meta.json, index.csv, and the tree they describe."""
