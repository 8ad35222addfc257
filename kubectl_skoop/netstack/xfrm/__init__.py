"""IPsec: which packets policies let pass, and what states make of the others."""
