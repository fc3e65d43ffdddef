"""What the service says about itself: masking of secrets, request labels, log rows, telemetry and spans."""
