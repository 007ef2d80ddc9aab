"""The admin's own pages, each with one form and one button."""
