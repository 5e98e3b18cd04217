"""Many sets beside each other: what is compared, one cell, the table."""
