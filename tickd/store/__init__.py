"""The only SQL: one writer, many readers, one file per noun."""
