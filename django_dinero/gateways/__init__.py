"""Gateway backends: one interface (``base``), one class per provider."""
