"""The example project with everything that it writes in one folder, and a view that plants."""
