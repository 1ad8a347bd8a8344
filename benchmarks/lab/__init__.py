"""A laboratory on one machine: hosts in namespaces of their own, services that run there, what it all costs."""
