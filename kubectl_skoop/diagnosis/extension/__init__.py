"""What authors of plugins and providers meet: their interfaces, how they are found, chosen and guarded."""
