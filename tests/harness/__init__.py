"""What the Python tests share: a server process, a boto3 client factory, a raw HTTP client and a
signer of our own."""
