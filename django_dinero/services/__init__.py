"""The verbs of the app, one plain function each. Admin, API, commands and models call these."""
