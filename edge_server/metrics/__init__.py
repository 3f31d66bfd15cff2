"""What Prometheus reads: catalogue (each metric once), parts that fill it, exposition."""
