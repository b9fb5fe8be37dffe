"""The pages, read as a person would."""
