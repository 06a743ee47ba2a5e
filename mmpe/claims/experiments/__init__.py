"""The claims of the paper's abstract, and one of mmpe's own, one module per claim."""
