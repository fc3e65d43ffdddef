"""What operators look at: alerts, logs, audit, admin keys, time zones."""
