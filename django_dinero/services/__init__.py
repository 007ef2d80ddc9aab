"""The verbs of the app as plain functions, called by models, admin, API and commands."""
