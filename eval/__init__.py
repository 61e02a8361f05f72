"""Cases -> predictions -> scores -> report."""
