"""Everything about reading released artefacts: old type names, old arguments, old checkpoints."""
