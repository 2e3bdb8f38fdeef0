"""Option files of this package."""
