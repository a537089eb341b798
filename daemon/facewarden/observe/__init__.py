"""Who is told how the service is: its status, metrics, hooks and systemd. Each listens to the lines that are logged."""
