"""What becomes of a ModelDeployment: pure decisions."""
