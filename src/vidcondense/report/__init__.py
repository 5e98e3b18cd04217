"""Pictures of condensed sets."""
