"""From pixels to a durable file: encode, publish, retire, quarantine. Trusted; never opens a picture."""
