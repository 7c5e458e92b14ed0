"""Pull-through cache: repositories whose content comes from other registries when it is asked for."""
