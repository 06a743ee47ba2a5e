"""The claims of the paper's abstract, one module per claim: what it takes, how it is measured, and what shows it."""
