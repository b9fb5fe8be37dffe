"""The native face, `/v1`, one file per noun."""
