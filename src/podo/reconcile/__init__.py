"""The frame that runs controllers: they decide (pure), it does."""
