"""The views of the REST API, one module for each resource."""
