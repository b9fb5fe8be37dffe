"""The rooster face, `/api/v1`, for clients of StatusRooster."""
