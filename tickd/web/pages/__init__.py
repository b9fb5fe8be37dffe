"""The pages for people: the dashboard, its forms, and who is looking at them."""
