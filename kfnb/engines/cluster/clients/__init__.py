"""Clients of the Kubernetes API and of REST servers, and the errors that they raise."""
