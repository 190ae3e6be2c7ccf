"""What becomes of a TrainingRun: pure decisions."""
