"""The service under load as a discrete-event simulation: what gives way first, and what to change then."""
