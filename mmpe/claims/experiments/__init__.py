"""The claims of the paper's abstract, one module per claim."""
